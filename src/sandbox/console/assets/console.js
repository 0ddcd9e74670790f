// What the console does beyond plain pages: warns before a session ends of idleness, closes menus, ticks all boxes,
// keeps live parts of a page up to date.
// Every page works without it. Who decides is the server; this only asks how long a session has left.
"use strict";

const WARN_SECONDS = 120;
const ASK_EVERY_MS = 30_000;
const SUGGEST_AFTER_MS = 250;
const SUGGEST_FROM = 3;

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
      keepDraft();
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
    if (answer.status === 204) {
      dialog.close();
      return;
    }
    keepDraft();
    window.location.assign("/sign-in?idle=1");
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
    if (!isOver) timer = window.setTimeout(go, refreshSeconds() * 1_000);
  }

  let timer;
  document.querySelector("[data-refresh]")?.addEventListener("change", () => {
    window.clearTimeout(timer);
    go();
  });
  go();
}

// How often live parts are asked for: chosen on the page, and remembered in this browser.
function refreshSeconds() {
  const choice = document.querySelector("[data-refresh]");
  return choice ? Number(choice.value) : 2;
}

function remembersRefresh(choice) {
  const before = kept("refresh");
  if ([...choice.options].some((option) => option.value === before)) choice.value = before;
  choice.closest("[hidden]").hidden = false;
  choice.addEventListener("change", () => keep("refresh", choice.value));
}

// A browser may refuse to keep anything.
function kept(name, store = "localStorage") {
  try { return window[store].getItem(name); } catch { return null; }
}

function keep(name, value, store = "localStorage") {
  try {
    if (value === null) window[store].removeItem(name);
    else window[store].setItem(name, value);
  } catch { /* Then it is not kept. */ }
}

// What a search finds is shown while it is typed; what has been ticked stays ticked. `Find` does the same without script.
function suggests(search) {
  const field = search.querySelector("input[type=search]");
  const form = search.closest("form");
  let timer, latest = 0;

  function request() {
    if (!search.dataset.step) return [`${form.action}?${new URLSearchParams(new FormData(form))}`, {}];
    const fields = new URLSearchParams(new FormData(form));
    fields.set("step", search.dataset.step);
    return [form.action, { method: "POST", body: fields }];
  }

  async function look() {
    const own = ++latest;
    const [url, options] = request();
    const answer = await fetch(url, options).catch(() => null);
    // A later one is on its way, or the session is over: then the form says so when it is sent.
    if (!answer || !answer.ok || own !== latest) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [old, fresh] = [document, page].map((one) => one.getElementById(search.dataset.suggests));
    if (own !== latest || !old || !fresh) return;
    old.querySelectorAll("input:checked").forEach((box) => {
      const same = fresh.querySelector(`input[name="${box.name}"][value="${CSS.escape(box.value)}"]`);
      if (same) same.checked = true;
    });
    old.replaceChildren(...fresh.childNodes);
    old.querySelectorAll("input[data-picks]").forEach(pickAll);
    reachAll();
  }

  field.addEventListener("input", () => {
    window.clearTimeout(timer);
    latest += 1;
    const length = field.value.trim().length;
    if (length === 0 || length >= SUGGEST_FROM) timer = window.setTimeout(look, SUGGEST_AFTER_MS);
  });
}

// A button that sets every permission of its section; *Full* is *Yes* where there is only that.
function setsAll(button) {
  button.closest(".sets").hidden = false;
  button.addEventListener("click", () => {
    const wanted = button.dataset.sets;
    button.closest(".permissions").querySelectorAll(".levels").forEach((levels) => {
      const one = levels.querySelector(`[value="${wanted}"]`) ?? (wanted === "FULL" ? levels.querySelector('[value="YES"]') : null);
      if (one) one.checked = true;
    });
  });
}

// What was typed outlives the session: this tab keeps it while one signs in again, and puts it back where it was typed.
// Passwords and files are not kept, nor anything for somebody else.
const DRAFT = "draft";
const SENT = "main form[method=post]";

const isTicked = (field) => ["checkbox", "radio"].includes(field.type);
const who = () => document.querySelector(".person .who")?.textContent;

function writable(form) {
  return [...form.elements].filter((field) => field.name && !["hidden", "password", "file", "submit", "button"].includes(field.type));
}

// The value that came with the page.
function atFirst(field) {
  if (isTicked(field)) return field.defaultChecked;
  if (!field.options) return field.defaultValue;
  return ([...field.options].find((one) => one.defaultSelected) ?? field.options[0])?.value;
}

function keepDraft() {
  // What a form outside of an account asks for is not for later.
  if (!document.body.classList.contains("console")) return;
  const forms = [...document.querySelectorAll(SENT)]
    .filter((form) => writable(form).some((field) => atFirst(field) !== (isTicked(field) ? field.checked : field.value)))
    .map((form) => ({
      action: form.getAttribute("action"),
      fields: writable(form).map((field) => ({ name: field.name, value: field.value, ticked: isTicked(field) ? field.checked : null })),
    }));
  const draft = { path: location.pathname, who: who(), forms, wasSignedOut: false };
  keep(DRAFT, forms.length ? JSON.stringify(draft) : null, "sessionStorage");
}

function putBack({ action, fields }) {
  const form = [...document.querySelectorAll(SENT)].find((one) => one.getAttribute("action") === action);
  const places = form ? writable(form) : [];
  for (const { name, value, ticked } of fields) {
    const place = places.findIndex((one) => one.name === name && (ticked === null || one.value === value));
    if (place < 0) continue;
    const [one] = places.splice(place, 1);
    if (ticked === null) one.value = value;
    else one.checked = ticked;
  }
  return Boolean(form);
}

function bringBack() {
  const draft = JSON.parse(kept(DRAFT, "sessionStorage") ?? "null");
  if (!draft) return;
  if (!document.body.classList.contains("console")) {
    // On the way: sign-in, the code, the choice of an account. Whoever signs out wants nothing back.
    const isOut = new URLSearchParams(location.search).has("out");
    draft.wasSignedOut ||= location.pathname === "/sign-in";
    keep(DRAFT, isOut ? null : JSON.stringify(draft), "sessionStorage");
    return;
  }
  keep(DRAFT, null, "sessionStorage");
  const isOurs = draft.wasSignedOut && draft.path === location.pathname && draft.who === who();
  if (!isOurs || !draft.forms.map(putBack).includes(true)) return;
  const note = document.createElement("div");
  note.className = "notice pending";
  note.setAttribute("role", "status");
  note.textContent = "What you had typed before you were signed out is back. It is not saved yet.";
  document.querySelector("main .heading").after(note);
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
document.querySelectorAll("[data-refresh]").forEach(remembersRefresh);
document.querySelectorAll("[data-live]").forEach(watch);
document.querySelectorAll("[data-suggests]").forEach(suggests);
document.querySelectorAll("[data-sets]").forEach(setsAll);
bringBack();
document.querySelectorAll(SENT).forEach((form) => form.addEventListener("submit", keepDraft));
document.querySelectorAll("[data-copy]").forEach(copies);
closeMenus();
reachAll();
window.addEventListener("resize", reachAll);
