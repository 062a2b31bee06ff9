"use strict";
// The page works from the file system: all data is inside it, pictures are beside it, choices live in localStorage
// until they are saved as a file. A card is filled when it comes near the window, so that sets of any length open fast.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const FIRST = 60; // cards that are filled at once
const BINS = 20;
const STORE = `afss-choices:${data.id}`;

const frames = data.frames; // {key, image, width, height, status, stamp_ns, source, instances, scores}
const written = new Map([...data.choices.keep.map((k) => [k, "keep"]), ...data.choices.drop.map((k) => [k, "drop"])]);
const { choices, saved: savedChoices } = loadChoices();
const cards = new Map(); // frame -> its card
const view = { status: "", sort: "order", ascending: true, minimum: {}, selected: 0, list: [] };
const prefix = commonPrefix(frames.map((frame) => frame.key));
const firstStamp = frames.length ? BigInt(frames[0].stamp_ns) : 0n;
let saved = savedChoices;
frames.forEach((frame, order) => { frame.order = order; });

function commonPrefix(keys) {
  if (keys.length < 2) return "";
  const [a, b] = [keys[0], keys[keys.length - 1]];
  let end = 0;
  while (end < a.length && keys.every((key) => key[end] === a[end])) end += 1;
  while (end > 0 && /[0-9]/.test(b[end - 1])) end -= 1; // a number is shown whole
  return a.slice(0, end);
}

function elapsed(frame) {
  const seconds = Number(BigInt(frame.stamp_ns) - firstStamp) / 1e9;
  return `${seconds < 0 ? "" : "+"}${seconds.toFixed(2)} s`;
}

function flat(map) { return JSON.stringify([...map].sort()); }

// What this browser remembers: the choices, those that were last saved to a file, and choices.json as it was then.
// Where choices.json is another one by now, it holds, and of the choices here only those that no file has.
function loadChoices() {
  let stored = null;
  try {
    stored = JSON.parse(localStorage.getItem(STORE));
  } catch { /* a browser may refuse storage to local pages; choices then last until the page is closed */ }
  if (!stored?.saved) return { choices: new Map(written), saved: flat(written) };
  const made = new Map(stored.choices);
  if (stored.written === flat(written)) return { choices: made, saved: stored.saved };
  const [before, merged] = [new Map(JSON.parse(stored.saved)), new Map(written)];
  for (const key of new Set([...before.keys(), ...made.keys()])) {
    if (made.get(key) === before.get(key)) continue;
    if (made.has(key)) merged.set(key, made.get(key)); else merged.delete(key);
  }
  return { choices: merged, saved: flat(written) };
}

function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("data-") || key.startsWith("aria-")) node.setAttribute(key, value); else node[key] = value;
  }
  node.append(...children);
  return node;
}

function svg(name, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function overlay(frame) {
  const drawing = svg("svg", { viewBox: `0 0 ${frame.width} ${frame.height}`, class: "marks" });
  for (const instance of frame.instances) {
    const color = data.colors[instance.class_name] || "#c850dc";
    const [x0, y0, x1, y1] = instance.box;
    const d = instance.outlines.map((points) => `M${points.join(" ")}Z`).join("");
    const box = `M${x0} ${y0}H${x1}V${y1}H${x0}Z`;
    drawing.append(svg("g", { class: `mark ${instance.kept ? "" : "refused"}`, stroke: color, fill: color },
      svg("path", { d }), svg("path", { d: box, style: "fill:none;stroke-width:1;stroke-opacity:.8" })));
  }
  return drawing;
}

const fixed = (value) => (value === undefined || value === null ? "–" : value.toFixed(2));
const short = (name) => data.short[name] || name;

function card(frame) {
  if (!cards.has(frame)) {
    const picture = element("div", { className: "frame" });
    picture.style.aspectRatio = `${frame.width} / ${frame.height}`;
    const node = element("article", { className: "card", "data-key": frame.key }, picture, element("div", { className: "caption" }));
    node.frame = frame;
    cards.set(frame, node);
    showChoice(frame);
    near.observe(node);
  }
  return cards.get(frame);
}

function fill(frame) {
  const [picture, caption] = card(frame).children;
  if (picture.firstChild) return;
  near.unobserve(card(frame));
  picture.append(
    element("img", { src: `thumbs/${frame.key}.jpg`, loading: "lazy", width: frame.width, height: frame.height, alt: "" }), overlay(frame));
  const scores = data.scores.map((name) => `${short(name)} ${fixed(frame.scores[name])}`).join("  ");
  caption.append(
    element("span", { className: "key", textContent: frame.key.slice(prefix.length), title: frame.key }),
    element("span", { className: "elapsed", textContent: elapsed(frame) }),
    element("em", { className: frame.status }),
    element("span", { className: "scores", textContent: scores }));
  showChoice(frame);
}

function showChoice(frame) {
  const node = cards.get(frame);
  if (!node) return;
  node.dataset.choice = choices.get(frame.key) || "";
  const word = node.querySelector("em");
  if (word) word.textContent = node.dataset.choice || frame.status;
}

const near = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => fill(entry.target.frame)),
  { rootMargin: "1500px" });

function matches(frame) {
  if (view.status && frame.status !== view.status) return false;
  const wanted = byId("choice").value;
  const choice = choices.get(frame.key) || "open";
  if (wanted && choice !== wanted) return false;
  const text = byId("find").value.trim().toLowerCase();
  if (text && !frame.key.toLowerCase().includes(text)) return false;
  return Object.entries(view.minimum).every(([name, minimum]) =>
    minimum <= 0 || (frame.scores[name] !== undefined && frame.scores[name] >= minimum));
}

function value(frame) {
  if (view.sort === "order") return frame.order;
  const scores = Object.values(frame.scores);
  const score = view.sort === "weakest" && scores.length ? Math.min(...scores) : frame.scores[view.sort];
  return score === undefined ? -1 : score; // no score is weaker than any
}

function refresh({ keepPlace = false } = {}) {
  const current = view.list[view.selected];
  const sign = view.ascending ? 1 : -1;
  view.list = frames.filter(matches).sort((a, b) => sign * (value(a) - value(b)) || a.order - b.order);
  const place = keepPlace && current ? view.list.indexOf(current) : 0;
  view.selected = Math.max(0, place);
  draw();
}

function draw() {
  const sheet = document.createDocumentFragment();
  for (const frame of view.list) sheet.append(card(frame));
  view.list.slice(0, FIRST).forEach(fill);
  byId("sheet").replaceChildren(sheet);
  byId("nothing").hidden = view.list.length > 0;
  byId("nothing").textContent = frames.length
    ? "No frame passes these filters. Press Escape to clear them."
    : "The teacher has not looked at any frame of this recording: see below why, or label it with other settings.";
  for (const button of document.querySelectorAll("[data-all]")) button.disabled = !view.list.some((f) => f.status === "kept");
  byId("shown").textContent = `${view.list.length} of ${frames.length} frames`;
  byId("direction").textContent = view.ascending ? "ascending" : "descending";
  for (const button of byId("counts").children) {
    button.setAttribute("aria-pressed", String(button.dataset.status === view.status));
  }
  mark();
  state();
}

function state() {
  const count = (wanted) => [...choices.values()].filter((c) => c === wanted).length;
  byId("choice-state").textContent = `${count("keep")} keep, ${count("drop")} drop`;
  const unsaved = flat(choices) !== saved;
  byId("unsaved").textContent = unsaved ? "not saved to a file yet" : "";
  byId("save").classList.toggle("due", unsaved);
}

function mark() {
  cards.get(view.marked)?.classList.remove("selected");
  view.marked = view.list[view.selected];
  if (!view.marked) return;
  fill(view.marked);
  card(view.marked).classList.add("selected");
}

function select(position) {
  view.selected = Math.min(Math.max(position, 0), view.list.length - 1);
  mark();
  byId("sheet").children[view.selected]?.scrollIntoView({ block: "nearest" });
  if (!byId("detail").hidden) openDetail();
}

function choose(choice) {
  const frame = view.list[view.selected];
  if (!frame || frame.status !== "kept") return; // what the filter refused is not in the set
  if (choice) choices.set(frame.key, choice); else choices.delete(frame.key);
  store();
  showChoice(frame);
  state();
  if (!byId("detail").hidden) openDetail();
}

function store() {
  const remembered = { choices: [...choices], saved, written: flat(written) };
  try { localStorage.setItem(STORE, JSON.stringify(remembered)); } catch { /* see loadChoices */ }
}

function decide(choice) { // by key: on to the next, as one goes through a set
  choose(choice);
  select(view.selected + 1);
}

function chooseAll(choice) {
  for (const frame of view.list) {
    if (frame.status !== "kept") continue;
    if (choice) choices.set(frame.key, choice); else choices.delete(frame.key);
    showChoice(frame);
  }
  store();
  draw();
}

function clearFilters() {
  view.status = "";
  view.minimum = {};
  byId("choice").value = "";
  byId("find").value = "";
  for (const slider of document.querySelectorAll(".histogram input")) {
    slider.value = 0;
    slider.dispatchEvent(new Event("input"));
  }
  refresh();
}

function openDetail() {
  const frame = view.list[view.selected];
  if (!frame) return;
  const room = [innerWidth - 440, innerHeight - 40];
  const scale = Math.min(room[0] / frame.width, room[1] / frame.height);
  const source = frame.image || `thumbs/${frame.key}.jpg`;
  const picture = byId("picture");
  picture.style.width = `${Math.max(200, frame.width * scale)}px`;
  picture.replaceChildren(element("img", { src: source, alt: frame.key }), overlay(frame));
  byId("detail-key").textContent = frame.key;
  byId("detail-facts").textContent = [
    `${frame.status}${choices.get(frame.key) ? `, your choice: ${choices.get(frame.key)}` : ""}`,
    `${view.selected + 1} of ${view.list.length} shown, ${elapsed(frame)} since the first`,
    `${frame.source}`, `stamp ${frame.stamp_ns} ns`, `${frame.width} x ${frame.height} pixels`,
  ].join("\n");
  const head = element("tr", {}, ...["class", ...data.scores.map(short), "box", ""].map((t) => element("th", { textContent: t })));
  const rows = frame.instances.map((instance) => {
    const swatch = element("span", { className: "swatch" });
    swatch.style.background = data.colors[instance.class_name] || "#c850dc";
    const notes = [instance.origin === "propagated" ? "propagated" : "", instance.kept ? "" : "refused"].filter(Boolean);
    return element("tr", {}, element("td", {}, swatch, instance.class_name),
      ...data.scores.map((name) => element("td", { textContent: fixed(instance.scores[name]) })),
      element("td", { textContent: boxSize(instance.box) }), element("td", { textContent: notes.join(", ") }));
  });
  byId("detail-scores").replaceChildren(head, ...rows);
  for (const button of document.querySelectorAll("[data-choice]")) {
    if (button.tagName === "BUTTON") button.disabled = frame.status !== "kept";
  }
  byId("detail").hidden = false;
}

function boxSize([x0, y0, x1, y1]) { return `${Math.round(x1 - x0)} x ${Math.round(y1 - y0)}`; }

function closeDetail() { byId("detail").hidden = true; }

function histogram(name) {
  const counts = { kept: new Array(BINS).fill(0), refused: new Array(BINS).fill(0) };
  let known = 0;
  for (const frame of frames) {
    const score = frame.scores[name];
    if (score === undefined || !counts[frame.status]) continue;
    counts[frame.status][Math.min(BINS - 1, Math.floor(score * BINS))] += 1;
    known += 1;
  }
  const highest = Math.max(1, ...counts.kept.map((k, i) => k + counts.refused[i]));
  const bars = svg("svg", { viewBox: `0 0 ${BINS} 1`, preserveAspectRatio: "none" });
  for (let i = 0; i < BINS; i += 1) {
    const kept = counts.kept[i] / highest;
    const refused = counts.refused[i] / highest;
    bars.append(svg("rect", { x: i + 0.08, width: 0.84, y: 1 - kept, height: kept, fill: "#40dc60" }));
    bars.append(svg("rect", { x: i + 0.08, width: 0.84, y: 1 - kept - refused, height: refused, fill: "#d9a400" }));
  }
  const threshold = data.thresholds[name];
  if (threshold !== undefined) {
    const x = threshold * BINS;
    bars.append(svg("line", { x1: x, x2: x, y1: 0, y2: 1, class: "threshold" }, svg("title", {}, `kept from ${threshold}`)));
  }
  const label = element("span", { textContent: `${known} frames` });
  const slider = element("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0, title: `show ${name} from here up` });
  slider.dataset.score = name;
  slider.addEventListener("input", () => {
    view.minimum[name] = Number(slider.value);
    label.textContent = view.minimum[name] > 0 ? `at least ${fixed(view.minimum[name])}` : `${known} frames`;
    refresh();
  });
  return element("div", { className: "histogram" }, element("h3", { textContent: name }, label), bars, slider);
}

function save() {
  const sorted = (wanted) => [...choices].filter(([, c]) => c === wanted).map(([key]) => key).sort();
  const content = { format: "afss-choices", version: 1, keep: sorted("keep"), drop: sorted("drop") };
  const url = URL.createObjectURL(new Blob([`${JSON.stringify(content, null, 1)}\n`], { type: "application/json" }));
  const link = element("a", { href: url, download: "choices.json" });
  link.click();
  saved = flat(choices);
  store();
  state();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function keyed(event) {
  if (/INPUT|SELECT/.test(event.target.tagName) && event.target.type !== "checkbox" && event.target.type !== "range") return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const columns = getComputedStyle(byId("sheet")).gridTemplateColumns.split(" ").length;
  const inDetail = !byId("detail").hidden;
  const actions = {
    ArrowRight: () => select(view.selected + 1),
    ArrowLeft: () => select(view.selected - 1),
    ArrowDown: () => select(view.selected + (inDetail ? 1 : columns)),
    ArrowUp: () => select(view.selected - (inDetail ? 1 : columns)),
    k: () => decide("keep"), d: () => decide("drop"), u: () => choose(""),
    o: () => { byId("overlay").checked = !byId("overlay").checked; document.body.classList.toggle("bare"); },
    Enter: () => (inDetail ? closeDetail() : openDetail()),
    Escape: () => (inDetail ? closeDetail() : clearFilters()),
    Home: () => select(0),
    End: () => select(view.list.length - 1),
  };
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (action && !(event.key === "Enter" && event.target.tagName === "BUTTON")) { event.preventDefault(); action(); }
}

function list(records, heading) {
  if (!records.length) return;
  const table = element("table");
  for (const record of records) {
    table.append(element("tr", {}, ...[record.key, record.status, record.reason].map((t) => element("td", { textContent: t }))));
  }
  byId("other").append(element("h3", { textContent: heading(records.length) }), table);
}

function start() {
  byId("how").textContent = data.how;
  for (const [status, count] of Object.entries(data.counts)) {
    const lookedAt = ["kept", "refused", "empty"].includes(status);
    const button = element("button", { disabled: !lookedAt, title: data.meaning[status] || "" }, element("b", { textContent: count }), status);
    button.dataset.status = status;
    button.addEventListener("click", () => { view.status = view.status === status ? "" : status; refresh(); });
    byId("counts").append(button);
  }
  byId("histograms").append(...data.scores.map(histogram));
  byId("sort").append(element("option", { value: "order", textContent: "time" }),
    ...(data.scores.length > 1 ? [element("option", { value: "weakest", textContent: "weakest score" })] : []),
    ...data.scores.map((name) => element("option", { value: name, textContent: name })));
  byId("sort").addEventListener("change", (event) => { view.sort = event.target.value; refresh(); event.target.blur(); });
  byId("direction").addEventListener("click", () => { view.ascending = !view.ascending; refresh(); });
  byId("choice").addEventListener("change", (event) => { refresh(); event.target.blur(); });
  byId("find").addEventListener("input", () => refresh());
  byId("overlay").addEventListener("change", (event) => document.body.classList.toggle("bare", !event.target.checked));
  for (const [kind, act] of [["click", ({ frame }) => select(view.list.indexOf(frame))], ["dblclick", openDetail]]) {
    byId("sheet").addEventListener(kind, (event) => { const node = event.target.closest(".card"); if (node) act(node); });
  }
  byId("save").addEventListener("click", save);
  byId("close").addEventListener("click", closeDetail);
  for (const button of document.querySelectorAll("[data-all]")) {
    button.addEventListener("click", () => chooseAll(button.dataset.all));
  }
  for (const button of document.querySelectorAll("button[data-choice]")) {
    button.addEventListener("click", () => choose(button.dataset.choice));
  }
  list(data.damage, (n) => `Where the recording is damaged, and frames may be missing (${n})`);
  list(data.other, (n) => `Not labelled (${n})`);
  document.addEventListener("keydown", keyed);
  // A clicked button would keep the focus, and Enter would press it again instead of opening the frame.
  document.addEventListener("click", (event) => event.target.closest?.("nav button, header button")?.blur());
  refresh();
}

start();
