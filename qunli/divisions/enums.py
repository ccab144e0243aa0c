from django.db import models
from django.utils.translation import gettext_lazy as _


class Level(models.IntegerChoices):
    """The four levels of the city's organisation tree."""

    CITY = 1, _("市")
    DISTRICT = 2, _("区（市）县")
    STREET = 3, _("街道（镇）")
    COMMUNITY = 4, _("社区（村）")


class Kind(models.TextChoices):
    CITY = "city", _("市")
    DISTRICT = "district", _("市辖区")
    COUNTY = "county", _("县")
    COUNTY_CITY = "county_city", _("县级市")
    MANAGEMENT_AREA = "management_area", _("管理区")
    STREET = "street", _("街道")
    TOWN = "town", _("镇")
    TOWNSHIP = "township", _("乡")
    RESIDENTS = "residents", _("社区")
    VILLAGERS = "villagers", _("村")


class ChangeKind(models.TextChoices):
    """How divisions follow one another."""

    SPLIT = "split", _("拆分")
    MERGE = "merge", _("合并")
    RENAME = "rename", _("更名")
    TRANSFER = "transfer", _("改隶")
