// Words in both languages, by the glossary of the field; the language is remembered.

const WORDS = {
  en: {
    skip: "Skip to the numbers",
    other_language: "中文",
    forget: "Sign out",
    ask_title: "See the numbers",
    ask_text: "Paste the API key you were given. It stays in this tab and is gone when you close it.",
    ask_label: "API key",
    ask_go: "Show",
    ask_wrong: "This key is not valid.",
    ask_scope: "This key may not read numbers.",
    ask_away: "The server does not answer. Try again.",
    live: "Live",
    polling: "Polling every 5 s",
    offline: "Offline",
    connecting: "Connecting",
    stale: "No connection. These are the numbers of {time}; they come back by themselves.",
    periods: "Period",
    day: "Day",
    week: "Week",
    month: "Month",
    quarter: "Quarter",
    year: "Year",
    teams: "Teams",
    everyone: "Whole organisation",
    back: "← {name}",
    rep: "Rep",
    total: "Total",
    unowned: "Without an owner",
    unknown_owner: "Unknown owner {id}",
    several_zones: "each rep's own time zone",
    activities: "Activities",
    new_customer_visits: "New-customer visits",
    deals_created: "Deals created",
    pipeline_built: "Pipeline built",
    won: "Won",
    lost: "Lost",
    open_pipeline: "Open pipeline",
    open_qualified_pipeline: "Open qualified pipeline",
    cycle_time: "Sales cycle of won deals",
    median: "Median",
    p90: "90th percentile",
    by_kind: "Activities by kind",
    stage_entries: "Stage entries",
    by_close_month: "Qualified pipeline by expected close",
    unknown_month: "No date",
    nothing: "Nothing in this period yet.",
    no_reps: "There is nobody here yet.",
    deals: { one: "{n} deal", other: "{n} deals" },
    days: { one: "{n} day", other: "{n} days" },
    hours: { one: "{n} hour", other: "{n} hours" },
    minutes: { one: "{n} min", other: "{n} min" },
    call: "Calls",
    email: "E-mails",
    meeting: "Meetings",
    visit: "Visits",
    demo: "Demos",
    proposal: "Proposals",
    one_on_one: "One-on-ones",
    custom: "Other",
    gaps: "Incomplete",
    gap_won_no_amount: { one: "{n} won deal without an amount", other: "{n} won deals without an amount" },
    gap_lost_no_amount: { one: "{n} lost deal without an amount", other: "{n} lost deals without an amount" },
    gap_built_no_amount: { one: "{n} deal added to the pipeline without an amount", other: "{n} deals added to the pipeline without an amount" },
    gap_open_no_amount: { one: "{n} open deal without an amount", other: "{n} open deals without an amount" },
    gap_qualified_no_amount: { one: "{n} qualified deal without an amount", other: "{n} qualified deals without an amount" },
    gap_deal_no_creation: { one: "{n} deal whose creation we never saw", other: "{n} deals whose creation we never saw" },
    gap_act_no_creation: { one: "{n} activity whose creation we never saw", other: "{n} activities whose creation we never saw" },
    gap_unmapped_stage: { one: "{n} entry into a stage that nobody has mapped", other: "{n} entries into stages that nobody has mapped" },
    gap_unmapped_owners: { one: "{n} owner in the CRM is no known rep; counted in the total", other: "{n} owners in the CRM are no known reps; counted in the total" },
    gap_without_owner: { one: "Some records have no owner; counted in the total", other: "Some records have no owner; counted in the total" },
    gap_too_late_events: { one: "{n} event came too late to be counted", other: "{n} events came too late to be counted" },
    gap_restoring: { one: "The numbers are being restored from the archive", other: "The numbers are being restored from the archive" },
    updated: "Last update {ago}",
    source: "{name}: last event {ago}",
    source_silent: "{name}: no event yet",
    just_now: "just now",
  },
  zh: {
    skip: "跳到数据",
    other_language: "English",
    forget: "退出",
    ask_title: "查看业绩数据",
    ask_text: "请粘贴您的 API 密钥。它只保存在当前标签页，关闭后即清除。",
    ask_label: "API 密钥",
    ask_go: "查看",
    ask_wrong: "该密钥无效。",
    ask_scope: "该密钥没有读取权限。",
    ask_away: "服务器没有响应，请重试。",
    live: "实时",
    polling: "每 5 秒刷新",
    offline: "已离线",
    connecting: "连接中",
    stale: "连接已断开，显示的是 {time} 的数据，恢复后会自动更新。",
    periods: "周期",
    day: "日",
    week: "周",
    month: "月",
    quarter: "季",
    year: "年",
    teams: "团队",
    everyone: "全公司",
    back: "← {name}",
    rep: "销售代表",
    total: "合计",
    unowned: "无负责人",
    unknown_owner: "未知负责人 {id}",
    several_zones: "按各销售代表所在时区",
    activities: "销售活动",
    new_customer_visits: "新客户拜访",
    deals_created: "新建商机",
    pipeline_built: "新增漏斗",
    won: "赢单",
    lost: "丢单",
    open_pipeline: "销售漏斗",
    open_qualified_pipeline: "优质商机漏斗",
    cycle_time: "赢单销售周期",
    median: "中位数",
    p90: "第 90 百分位",
    by_kind: "各类销售活动",
    stage_entries: "进入各阶段",
    by_close_month: "优质商机（按预计成交月份）",
    unknown_month: "未填日期",
    nothing: "本周期暂无数据。",
    no_reps: "这里还没有成员。",
    deals: { other: "{n} 个商机" },
    days: { other: "{n} 天" },
    hours: { other: "{n} 小时" },
    minutes: { other: "{n} 分钟" },
    call: "电话",
    email: "邮件",
    meeting: "会议",
    visit: "拜访",
    demo: "演示",
    proposal: "方案",
    one_on_one: "一对一沟通",
    custom: "其他",
    gaps: "数据不完整",
    gap_won_no_amount: { other: "{n} 个赢单没有金额" },
    gap_lost_no_amount: { other: "{n} 个丢单没有金额" },
    gap_built_no_amount: { other: "{n} 个新增漏斗的商机没有金额" },
    gap_open_no_amount: { other: "{n} 个进行中的商机没有金额" },
    gap_qualified_no_amount: { other: "{n} 个优质商机没有金额" },
    gap_deal_no_creation: { other: "{n} 个商机缺少创建记录" },
    gap_act_no_creation: { other: "{n} 个活动缺少创建记录" },
    gap_unmapped_stage: { other: "{n} 次进入未配置的阶段" },
    gap_unmapped_owners: { other: "CRM 中有 {n} 位负责人尚未对应到销售代表，已计入合计" },
    gap_without_owner: { other: "部分记录没有负责人，已计入合计" },
    gap_too_late_events: { other: "{n} 个事件到达过晚，未计入" },
    gap_restoring: { other: "正在从存档恢复数据" },
    updated: "最近更新：{ago}",
    source: "{name}：最近事件 {ago}",
    source_silent: "{name}：尚无事件",
    just_now: "刚刚",
  },
};

const REMEMBERED = "paceline.language";

let language = remembered() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

function remembered() {
  const said = localStorage.getItem(REMEMBERED);
  return said === "zh" || said === "en" ? said : null;
}

export const locale = () => (language === "zh" ? "zh-CN" : navigator.language.startsWith("en") ? navigator.language : "en");

export function switchLanguage() {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem(REMEMBERED, language);
}

export function t(word, values = {}) {
  const said = WORDS[language][word] ?? word;
  return said.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export function tn(word, n, shown = n) {
  const forms = WORDS[language][word];
  if (!forms) return `${word}: ${shown}`;
  const form = forms[new Intl.PluralRules(locale()).select(n)] ?? forms.other;
  return form.replace("{n}", shown);
}

export const known = (word) => word in WORDS[language];

export const nameOf = (thing) => (language === "zh" && thing.name_zh) || thing.name;

export function applyWords(root) {
  document.documentElement.lang = locale();
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
}
