// Everything works without this: it only reloads what is on the page, so that nobody has to.
"use strict";
const EVERY = 4000; // milliseconds
const region = () => document.querySelector("[data-live]");

function busy() {
  const at = document.activeElement;
  if (at && at.closest("[data-live]") && at.matches("input, textarea, select, button, summary, a")) return true;
  if (!window.getSelection().isCollapsed) return true;
  return [...document.querySelectorAll("[data-live] textarea, [data-live] input:not([type=hidden])")].some(
    (field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked);
}

function keepOpen(from, to) {
  from.querySelectorAll("details[id][open]").forEach((d) => {
    const same = to.querySelector("#" + CSS.escape(d.id));
    if (same) same.open = true;
  });
}

async function refresh() {
  if (document.hidden || busy()) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
  if (!answer.ok) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
  const old = region();
  if (!next || busy() || next.dataset.live === "" || next.dataset.live === old.dataset.live) return;
  keepOpen(old, next);
  old.replaceWith(document.adoptNode(next));
  const told = document.querySelector("#told");
  if (told) told.textContent = "This page was brought up to date.";
}

if (region()) setInterval(() => refresh().catch(() => undefined), EVERY);
