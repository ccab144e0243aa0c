"""What a token may be narrowed to: `area:read` or `area:write`. An operation of the API names the one scope that it needs."""

from django.utils.translation import gettext_lazy as _

SCOPES: dict[str, object] = {
    "account:read": _("查看自己的账号和消息"),
    "account:write": _("修改自己的设置和消息"),
    "divisions:read": _("查看行政区划"),
    "people:read": _("查看人员资料（按权限，默认脱敏）"),
    "people:write": _("登记和修改人员资料"),
    "volunteers:read": _("查看志愿者登记"),
    "volunteers:write": _("登记和管理志愿者"),
    "teams:read": _("查看队伍"),
    "teams:write": _("管理队伍和成员"),
    "activities:read": _("查找和查看活动"),
    "activities:write": _("发布和管理活动"),
    "signups:read": _("查看报名"),
    "signups:write": _("报名和取消报名"),
    "attendance:write": _("签到和签退"),
    "records:read": _("查看服务记录和时长"),
    "records:write": _("提交和核实服务记录"),
    "findings:write": _("裁定时长疑点"),
    "stars:write": _("评定志愿者星级"),
    "certificates:read": _("查看志愿服务证明"),
    "certificates:write": _("申请志愿服务证明"),
    "rules:read": _("查看规则和试算"),
    "cases:read": _("查看诉求工单"),
    "cases:write": _("提出和办理诉求"),
    "audit:read": _("查看审计日志"),
}
