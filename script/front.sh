# Sourced by every command here: finds a Python that is new enough and hands over to script/run.py under the command's own name.
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 1
for python in "${QUNLI_PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python "$here/../.venv/bin/python"; do
    if [ -n "$python" ] && "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" "$here/run.py" "$(basename -- "$0")" "$@"
    fi
done
echo "Qunli needs Python 3.11 or newer and found none: install it, or name one with QUNLI_PYTHON=/path/to/python3." >&2
exit 1
