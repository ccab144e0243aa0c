"""The pages of the room: parse, call one service or selector, render. Nothing is decided here."""
