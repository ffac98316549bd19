// Keys for who works at a desk: arrows choose a row, a letter presses its button. And a line when we hear nothing more.
const rows = () => [...document.querySelectorAll("[data-row]")];
const isTyping = (at) => at.closest("input, select, textarea");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const here = document.activeElement.closest("[data-row]") ?? (rows().length ? null : document.body);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const all = rows(), at = all.indexOf(here), to = at + (event.key === "ArrowDown" ? 1 : -1);
    if (!all.length) return;
    all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : to))].focus();
    event.preventDefault();
  } else if (here && /^[a-z]$/.test(event.key)) {
    const found = here.querySelector(`[data-key="${event.key}"]`);
    if (found) { event.preventDefault(); found.click(); }
  }
});
let heard = Date.now();
for (const name of ["beat", "htmx:before:sse:message"]) {
  document.addEventListener(name, () => { heard = Date.now(); document.body.classList.remove("is-lost"); });
}
document.addEventListener("visibilitychange", () => { heard = Date.now(); });
setInterval(() => {
  if (document.hidden || !document.querySelector("#live") || Date.now() - heard < 50_000) return;
  if (navigator.onLine) location.reload(); else document.body.classList.add("is-lost");
}, 5_000);
document.addEventListener("htmx:sse:error", () => document.body.classList.add("is-lost"));
document.addEventListener("htmx:sse:close", (event) => {
  if (event.detail.reason === "ended") location.reload();
});
