"use strict";
// Makes the page quicker to use; nothing on it needs this. A change is fetched and shown in place, so that the reader
// stays where they are and a screen reader is told; sliders show the number that they stand for.

const told = document.getElementById("told");
let shown = location.search;
let asking = null;

// The quantile of the triangular distribution, as features.stated.SourcedRange has it.
function quantile(level, low, mode, high) {
  const width = high - low;
  if (width === 0) return mode;
  if (level * width <= mode - low) return low + Math.sqrt(level * width * (mode - low));
  return high - Math.sqrt((1 - level) * width * (high - mode));
}

function written(value) {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : 2;
  return value.toLocaleString(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function slide(slider) {
  const { low, mode, high, unit } = slider.dataset;
  const text = `${written(quantile(+slider.value, +low, +mode, +high))} ${unit}`;
  const row = slider.closest(".slider");
  row.querySelector("output").textContent = text;
  row.querySelector("input[name=held]").checked = true;
  slider.setAttribute("aria-valuetext", text);
}

async function show(address, options, push) {
  if (asking) asking.abort(); // what was asked for last counts, whichever answer comes first
  const mine = (asking = new AbortController());
  const main = document.getElementById("main");
  const focused = document.activeElement && document.activeElement.id;
  const open = [...main.querySelectorAll("details[open] > summary")].map((each) => each.textContent.trim());
  main.setAttribute("aria-busy", "true");
  told.textContent = told.dataset.working;
  try {
    const response = await fetch(address, { ...options, signal: mine.signal });
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!fresh.getElementById("main")) throw new Error(response.statusText);
    // Where a form is sent to that was refused, there is nothing to go back to.
    if (push && (response.ok || options.method !== "POST")) history.pushState(null, "", response.url);
    shown = location.search;
    document.title = fresh.title;
    document.querySelector("header.bar").replaceWith(fresh.querySelector("header.bar"));
    main.replaceWith(fresh.getElementById("main"));
    ready();
    for (const summary of document.querySelectorAll("#main summary")) {
      if (open.includes(summary.textContent.trim())) summary.parentElement.open = true;
    }
    const wrong = document.querySelector("[aria-invalid]");
    const again = wrong || (focused && document.getElementById(focused));
    if (again) again.focus({ preventScroll: !wrong });
    const line = document.querySelector("[role=alert], .error") || document.getElementById("sentence");
    const job = document.getElementById("job-title");
    told.textContent = job ? job.textContent : `${wrong ? "" : told.dataset.done} ${line ? line.textContent : ""}`;
  } catch {
    if (mine !== asking) return;
    document.getElementById("main").removeAttribute("aria-busy");
    told.textContent = told.dataset.failed;
    told.classList.remove("hidden");
  }
}

// An answer that is being computed: how far it is, until its link turns into the answer.
async function follow() {
  const address = location.href;
  const response = await fetch(address).catch(() => null);
  const text = response ? await response.text() : "";
  if (address !== location.href || !document.getElementById("job")) return;
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const next = fresh.getElementById("job");
  if (next) {
    document.getElementById("job").value = next.value;
    document.getElementById("job-line").textContent = fresh.getElementById("job-line").textContent;
  }
  if (next || !response) setTimeout(follow, 2000);
  else {
    history.replaceState(null, "", response.url);
    show(response.url, {}, false);
  }
}

function ready() {
  if (document.getElementById("job")) {
    told.textContent = document.getElementById("job-title").textContent;
    setTimeout(follow, 2000);
  }
  const print = document.getElementById("print");
  if (print) print.hidden = false;
  const record = document.querySelector(".picture.track_record img");
  if (record && !document.getElementById("record-table")) record.addEventListener("load", tellRecord, { once: true });
  const first = document.querySelector(".picture.forecast img");
  if (first) first.decode().then(prepareToPrint, () => {});
}

// Once the picture of the track record is drawn, its numbers are known too.
async function tellRecord() {
  const address = location.href;
  const text = await fetch(address).then((response) => response.text()).catch(() => "");
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("record");
  const record = document.getElementById("record");
  if (!fresh || address !== location.href || record.contains(document.activeElement)) return;
  for (const each of [...record.children].slice(2)) each.remove();
  record.append(...[...fresh.children].slice(2));
}

const PRINTED = ".picture:is(.forecast, .stock_out, .frontier, .supply, .comparison)";

// Paper is white: a browser does not wait for pictures that it meets only when it prints.
function prepareToPrint() {
  for (const picture of document.querySelectorAll(PRINTED)) {
    const image = picture.querySelector("img");
    const light = picture.querySelector("source[media=print]").srcset;
    if (picture.querySelector(".for-print") || image.getAttribute("src") === light && !matchMedia("(max-width: 600px), (prefers-color-scheme: dark)").matches) continue;
    const copy = new Image();
    copy.className = "for-print";
    copy.alt = image.alt;
    copy.src = light;
    image.closest("picture").after(copy);
  }
}

document.addEventListener("input", (event) => {
  if (event.target.matches(".slider input[type=range]")) slide(event.target);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("#scenario-choice, #compare-choice")) document.getElementById("request").requestSubmit();
});

// What is not held is not sent: the address stays short.
document.addEventListener("formdata", (event) => {
  const data = event.formData;
  const held = data.getAll("held");
  for (const name of [...data.keys()]) {
    if (name.startsWith("hold.") && !held.includes(name.slice(5))) data.delete(name);
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id !== "request" && form.className !== "own") return;
  event.preventDefault();
  const sent = new URLSearchParams(new FormData(form));
  if (form.method === "post") show(form.action, { method: "POST", body: sent }, true);
  else show(`${form.action}?${sent}`, {}, true);
});

// Pictures further down are loaded only when they are scrolled to.
async function print() {
  const pictures = [...document.querySelectorAll(`${PRINTED} img`)];
  for (const each of pictures) each.loading = "eager";
  await Promise.allSettled(pictures.map((each) => each.decode()));
  window.print();
}
document.addEventListener("click", (event) => {
  if (event.target.id === "print") print();
});

document.addEventListener("keydown", (event) => {
  const tip = event.target.closest && event.target.closest(".tip");
  if (tip && event.key === "Escape") tip.classList.add("closed");
});
document.addEventListener("focusin", (event) => {
  for (const tip of document.querySelectorAll(".tip.closed")) if (!tip.contains(event.target)) tip.classList.remove("closed");
});

// Links within the page come by here too.
window.addEventListener("popstate", () => {
  if (location.search !== shown) show(location.href, {}, false);
});

// A link to the numbers of a picture opens what they are folded into.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let each = target && target.parentElement; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
  if (target) target.scrollIntoView();
}
window.addEventListener("hashchange", unfold);

ready();
unfold();
