/**
 * What a browser does beside showing the pages, which work without it: it asks before what cannot be undone, chooses all
 * rows at once, and takes in what is new. What a person has opened, chosen or begun to type stays.
 */
export const script: string = `
const main = document.querySelector("main");
addEventListener("submit", (e) => {
  const text = (e.submitter?.dataset.confirm ?? e.target.dataset.confirm);
  if (text && !confirm(text)) e.preventDefault();
});
addEventListener("change", (e) => {
  if (e.target.id === "all") for (const it of main.querySelectorAll("[name=id]")) it.checked = e.target.checked;
});
const keyOf = (it, i) => it.dataset.key ?? it.value ?? i;
const take = (text) => {
  const at = document.activeElement;
  if (main.contains(at) && at.matches("input:not([type=checkbox]), select")) return;
  const marked = new Set([...main.querySelectorAll("[name=id]:checked")].map(keyOf));
  const open = new Set([...main.querySelectorAll("details[open]")].map(keyOf));
  const focus = at && main.contains(at) ? [...main.querySelectorAll("a, button, input, summary")].indexOf(at) : -1;
  main.innerHTML = text;
  for (const it of main.querySelectorAll("[name=id]")) it.checked = marked.has(keyOf(it));
  main.querySelectorAll("details").forEach((it, i) => { if (open.has(keyOf(it, i))) it.open = true; });
  if (focus >= 0) [...main.querySelectorAll("a, button, input, summary")][focus]?.focus();
};
let stream;
const listen = () => {
  const url = new URL(location);
  url.searchParams.set("live", "1");
  stream = new EventSource(url);
  stream.onmessage = (e) => take(JSON.parse(e.data));
};
if (main.dataset.live) {
  listen();
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (e) => { if (e.persisted) listen(); });
}
`;
