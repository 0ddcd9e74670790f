// What the console does beyond plain pages: warns before a session ends of idleness, closes menus, ticks all boxes,
// keeps live parts of a page up to date.
// Every page works without it. Who decides is the server; this only asks how long a session has left.
"use strict";

const WARN_SECONDS = 120;
const ASK_EVERY_MS = 30_000;
const WATCH_EVERY_MS = 2_000;

function words(seconds) {
  return seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : `${seconds} seconds`;
}

function watchIdle(dialog) {
  const left = document.getElementById("idle-left");

  async function look() {
    const answer = await fetch("/session", { headers: { accept: "application/json" } }).catch(() => null);
    if (!answer || !answer.ok) return;
    const { remaining } = await answer.json();
    if (remaining <= 0) {
      window.location.assign("/sign-in?idle=1");
    } else if (remaining <= WARN_SECONDS) {
      left.textContent = words(remaining);
      if (!dialog.open) dialog.showModal();
    } else if (dialog.open) {
      // Another tab was used.
      dialog.close();
    }
  }

  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (answer.status === 204) dialog.close();
    else window.location.assign("/sign-in?idle=1");
  });

  window.setInterval(look, ASK_EVERY_MS);
  window.addEventListener("focus", look);
}

function closeMenus() {
  const menus = () => document.querySelectorAll("details.person[open], details.menu[open]");
  document.addEventListener("click", (event) => {
    menus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menus().forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
  });
}

// A box that ticks all boxes of a name; without script there is none.
function pickAll(box) {
  box.hidden = false;
  box.addEventListener("change", () => {
    box.form.querySelectorAll(`input[name="${box.dataset.picks}"]`).forEach((one) => { one.checked = box.checked; });
  });
}

// A part of the page that is asked for every two seconds while anybody can see it; what was opened in it stays open. What is
// the same stays in place: whoever reads or clicks there is not disturbed.
function watch(part) {
  let tag = null;
  let isOver = false;

  async function look() {
    const headers = tag ? { "if-none-match": tag } : {};
    const answer = await fetch(part.dataset.live, { headers, redirect: "manual" }).catch(() => null);
    // A server that is away may come back; a session that is over does not.
    if (!answer || answer.status === 304 || answer.status >= 500) return;
    isOver = !answer.ok;
    if (isOver) return;
    tag = answer.headers.get("etag");
    const fresh = document.createElement("div");
    fresh.innerHTML = await answer.text();
    part.querySelectorAll("details[open]").forEach((one) => {
      const same = fresh.querySelector(`#${one.id}`);
      if (same) same.open = true;
    });
    if (fresh.innerHTML !== part.innerHTML) part.replaceChildren(...fresh.childNodes);
  }

  async function go() {
    if (!document.hidden) await look();
    if (!isOver) window.setTimeout(go, WATCH_EVERY_MS);
  }

  go();
}

// A button that copies the text of another element; without script, and where nothing may be copied, there is none.
function copies(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const from = document.getElementById(button.dataset.copy);
    const label = button.textContent;
    button.textContent = await navigator.clipboard.writeText(from.value ?? from.textContent).then(() => "Copied", () => "Not copied");
    window.setTimeout(() => { button.textContent = label; }, 2_000);
  });
}

// A table that is wider than its place is scrolled by keyboard, too.
function reach(box) {
  const isWide = box.scrollWidth > box.clientWidth;
  const caption = box.querySelector("caption");
  if (isWide) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
  if (isWide && caption) {
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", caption.textContent);
  } else {
    box.removeAttribute("role");
    box.removeAttribute("aria-label");
  }
}

function reachAll() {
  document.querySelectorAll(".table").forEach(reach);
}

// The side navigation is longer than a low window: where one is can be seen all the same.
const here = document.querySelector(".modules [aria-current]");
if (here && here.offsetParent) {
  const modules = here.closest(".modules");
  const below = here.offsetTop + here.offsetHeight - modules.clientHeight;
  if (below > 0) modules.scrollTop = below + 24;
}

const idle = document.getElementById("idle");
if (idle) watchIdle(idle);
document.querySelectorAll("input[data-picks]").forEach(pickAll);
document.querySelectorAll("[data-live]").forEach(watch);
document.querySelectorAll("[data-copy]").forEach(copies);
closeMenus();
reachAll();
window.addEventListener("resize", reachAll);
