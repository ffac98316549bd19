// Keys for who works at a desk: arrows choose a row, Enter opens it, a letter or a digit presses its button. And a line
// when we hear nothing more.
const rows = () => [...document.querySelectorAll("[data-row]")];
const isTyping = (at) => at.closest("input:not([type=checkbox], [type=radio]), textarea");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const here = document.activeElement.closest("[data-row]") ?? (rows().length ? null : document.body);
  const isChoosing = event.target.closest("select"); // which takes keys itself, but for those that lead elsewhere
  if (!isChoosing && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    const all = rows(), at = all.indexOf(here), to = at + (event.key === "ArrowDown" ? 1 : -1);
    if (!all.length) return;
    all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : to))].focus();
    event.preventDefault();
  } else if (event.key === "Enter" && here && event.target === here) {
    here.querySelector("a[href]")?.click();
  } else if (here && /^[a-z1-9]$/.test(event.key)) {
    const found = here.querySelector(`${isChoosing ? "a[href^='#']" : ""}[data-key="${event.key}"]`);
    if (found) { event.preventDefault(); found.click(); }
  }
});

// In a long form, or one of several buttons, Enter leads to the next field, and at last to a button: nothing half
// written is sent by a slip, and no answer is given that nobody chose.
const ENTERED = "form.wide input, form.asks:has(button ~ button) input";
document.addEventListener("keydown", (event) => {
  const form = event.key === "Enter" && event.target.matches(ENTERED) && event.target.form;
  if (!form) return;
  event.preventDefault();
  const there = form.querySelectorAll("input:not([type=hidden]), select, .acts button");
  const all = [...there].filter((one) => one.checkVisibility());
  all[all.indexOf(event.target) + 1].focus();
});

// Who fills in a form is at work, though nothing of it reaches us: without a sign of life their session would end as
// idle, and what they wrote with it.
let alive = Date.now(), isWritten = !document.querySelector(".me [lang]"); // what answers a form holds what was typed
document.addEventListener("input", (event) => {
  isWritten ||= !!event.target.closest(".asks");
  if (Date.now() - alive < 300_000) return;
  alive = Date.now();
  fetch("/glossary", { cache: "no-store" }).catch(() => {});
});

// What was typed is sent once we know that it will be taken: without a network, or after the session has ended, it
// would be lost. It stays, the page says why, and whoever logs in again elsewhere sends it from here.
let isAsking = false, sent = null;
document.addEventListener("submit", async (event) => {
  const form = event.target, button = event.submitter;
  const isPlain = form.method !== "post" || !form.matches(".asks") || !AbortSignal.timeout;
  if (form === sent || isPlain) return;
  event.preventDefault();
  if (isAsking) return event.stopImmediatePropagation();
  isAsking = true;
  const why = await whyNot(form);
  isAsking = false;
  document.querySelector("#unsent")?.remove();
  if (!why) {
    sent = form;
    form.requestSubmit(button);
    sent = null;
    return;
  }
  idle();
  const said = document.querySelector(`[data-unsent=${why}]`).content.firstElementChild.cloneNode(true);
  (button.closest(".acts") ?? button).before(said);
  said.focus();
});

// A note that is written goes with an answer of one press too.
document.addEventListener("formdata", ({ target, formData }) => {
  const note = target.id === "once" && document.querySelector("form.asks textarea");
  if (note) formData.set(note.name, note.value);
});

// An answer may take some seconds: what was pressed says meanwhile that it was.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  idle();
  event.submitter?.setAttribute("aria-busy", "true");
});
const idle = () => document.querySelectorAll("[aria-busy]").forEach((one) => one.removeAttribute("aria-busy"));
window.addEventListener("pageshow", idle);

const whyNot = async (form) => {
  const me = (page) => page.querySelector(".me")?.dataset.who;
  try {
    const signal = AbortSignal.timeout(10_000);
    const seen = await fetch("/glossary", { cache: "no-store", redirect: "manual", signal });
    if (seen.type === "opaqueredirect") return "ended";
    if (!seen.ok) return "away";
    const now = new DOMParser().parseFromString(await seen.text(), "text/html");
    if (me(now) !== me(document)) return "ended";
    form.elements.csrf.value = now.querySelector("[name=csrf]").value;
    return "";
  } catch {
    return "away";
  }
};

// After an answer the most pressing row is ready for the next key; when the row that is chosen goes, the next one is.
if (new URLSearchParams(location.search).has("said")) rows()[0]?.focus({ preventScroll: true });
let chosen = rows().indexOf(document.activeElement);
document.addEventListener("focusin", (event) => { chosen = rows().indexOf(event.target.closest("[data-row]")); });
document.addEventListener("htmx:after:swap", () => {
  const left = rows();
  if (chosen >= 0 && document.activeElement === document.body && left.length) left[Math.min(chosen, left.length - 1)].focus({ preventScroll: true });
});

// Pages that stay open hear a beat when nothing happens. Without one for long, or when the first connection fails, the
// page says so and loads itself anew as soon as we answer, unless something is written into it. So too when its person
// may see it no longer.
let heard = Date.now(), coming = false;
const isLive = () => document.querySelector("#live");
const lost = (is) => document.body.classList.toggle("is-lost", is);

// Who logs out in one tab has left them all: none goes on showing what they saw.
const tabs = new BroadcastChannel("left");
tabs.addEventListener("message", () => comeBack());
if (!document.querySelector("[data-who]")) tabs.postMessage("");

const comeBack = async () => {
  if (coming) return;
  coming = true;
  lost(true);
  for (;;) {
    const answers = await fetch("/live", { cache: "no-store" }).then((r) => r.ok, () => false);
    if (answers && !isWritten) return location.reload();
    if (answers) return (coming = false);
    await new Promise((done) => setTimeout(done, 2_000));
  }
};

for (const name of ["beat", "htmx:before:sse:message", "htmx:after:swap"]) {
  document.addEventListener(name, () => { heard = Date.now(); lost(false); });
}
document.addEventListener("over", () => comeBack());
document.addEventListener("visibilitychange", () => { heard = Date.now(); });
setInterval(() => { if (!document.hidden && isLive() && Date.now() - heard > 50_000) comeBack(); }, 5_000);

// All others ask each minute whether their person is still there, which is no sign of life: what they show goes too.
const isHere = async () => {
  if (document.hidden || isLive() || !document.querySelector("[data-who]")) return;
  const seen = await fetch("/here", { cache: "no-store", redirect: "manual" }).catch(() => null);
  if (seen?.type === "opaqueredirect") comeBack();
};
setInterval(isHere, 60_000);
document.addEventListener("visibilitychange", isHere);
document.addEventListener("htmx:sse:error", () => lost(true));
document.addEventListener("htmx:error", (event) => { if (event.target === isLive()) comeBack(); });
document.addEventListener("htmx:sse:close", (event) => { if (event.detail.reason === "ended") comeBack(); });
