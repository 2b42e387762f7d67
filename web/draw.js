// SPDX-License-Identifier: MIT
// Pictures of what the kernel prints, as SVG text: the page shows them, `make map` writes them to a file.
// Each takes the records of lines.js and a width in pixels; a wider picture shows more.
import { hex, of, size } from "./lines.js";

export const style = `
svg.kvasir { --ink: #1b1f24; --dim: #667; --line: #c4c9d0; --paper: #fff; --none: #eceff2; --a: #2f6fb3; --b: #b3590f;
  --c: #2c7a4b; --d: #84489e; --bad: #c0262d; --lazy: #8a7518; --on: #fff;
  font: 12px system-ui, sans-serif; background: var(--paper) }
@media (prefers-color-scheme: dark) { svg.kvasir { --ink: #e8eaed; --dim: #9aa3ad; --line: #454c55; --paper: #16191d;
  --none: #262b31; --a: #4f8fd6; --b: #d08035; --c: #46a06b; --d: #a76fc4; --bad: #ee6a6a; --lazy: #b8a23a;
  --on: #0d1117 } }
svg.kvasir text { fill: var(--ink) } svg.kvasir .dim { fill: var(--dim) }
svg.kvasir .on { fill: var(--on); pointer-events: none }
svg.kvasir rect { stroke: var(--paper); stroke-width: 1 } svg.kvasir a:focus { outline: none }
svg.kvasir a:focus rect, svg.kvasir a:hover rect { stroke: var(--ink); stroke-width: 2 }
svg.kvasir path { fill: none; stroke: var(--dim) } svg.kvasir .frame { fill: var(--none); stroke: var(--line) }
svg.kvasir .hole, svg.kvasir .empty { fill: var(--none) } svg.kvasir .part { fill: var(--dim) }
svg.kvasir .vmalloc, svg.kvasir .small, svg.kvasir .equal, svg.kvasir .table { fill: var(--a) }
svg.kvasir .ioremap, svg.kvasir .large, svg.kvasir .dirty { fill: var(--b) }
svg.kvasir .block, svg.kvasir .vm_map_ram, svg.kvasir .leaf { fill: var(--c) }
svg.kvasir .vmap, svg.kvasir .carried { fill: var(--d) }
svg.kvasir .lazy { fill: var(--lazy) } svg.kvasir .clean { fill: var(--line) }
svg.kvasir .differs, svg.kvasir .missing, svg.kvasir .page_fault { fill: var(--bad) }
svg.kvasir .live { fill: var(--ink); opacity: .55 } svg.kvasir .event { fill: var(--a); stroke: none }
`;

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const text = (x, y, words, kind = "") => `<text x="${x.toFixed(1)}" y="${y}" class="${kind}">${escape(words)}</text>`;
const rect = (x, y, w, h, kind, title = "") =>
    `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(w, 0.5).toFixed(1)}" height="${h}" class="${kind}">` +
    `${title && `<title>${escape(title)}</title>`}</rect>`;
const picture = (w, h, label, body) => {
    const [width, height] = [w, h].map(Math.round);
    return `<svg xmlns="http://www.w3.org/2000/svg" class="kvasir" role="group" aria-label="${escape(label)}" ` +
        `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${body}</svg>`;
};
const fits = (words, width) => words.length * 6.6 + 8 < width;

// What leads to the walk of an address, by mouse and by keyboard.
const link = (address, label, body) => `<a href="#walk=${hex(address)}" aria-label="${escape(label)}">${body}</a>`;

// --- the address space ---------------------------------------------------------------------------------------------

const PAGE = 4096;
const BAND = 34;

const by_address = (a, b) => (a.start < b.start ? -1 : 1);

// Sorted records with what is free between them; from, to: the ends, if anything is known to lie there.
const with_holes = (records, from, to) => {
    const all = [];
    let at = from;
    const hole = (end) => end > at && all.push({ word: "hole", start: at, size: Number(end - at) });
    for (const record of [...records].sort(by_address)) {
        hole(record.start);
        all.push(record);
        at = record.start + BigInt(record.size);
    }
    hole(to);
    return all;
};

// Rectangles side by side, each as wide as the logarithm of its size.
const strip = (records, width, y, draw) => {
    const weights = records.map((record) => Math.log2(Math.max(record.size, PAGE) / PAGE) + 2);
    const unit = width / weights.reduce((sum, weight) => sum + weight, 0);
    let x = 0;
    return records.map((record, i) => {
        const w = weights[i] * unit;
        x += w;
        return draw(record, x - w, y, w);
    }).join("");
};

const kind_of = (record) => record.word === "hole" ? "hole" : record.word === "part" ? "part"
    : record.word === "leaves" ? `leaves ${record.leaf > PAGE ? "large" : "small"}`
    : `range ${record.state === "busy" ? record.kind : record.state}`;

const name_of = (record) => record.word === "hole" ? "free" : record.word === "part" ? record.name
    : record.word === "leaves" ? `${size(record.leaf)} ${record.rights}`
    : record.state === "busy" ? (record.caller ?? record.kind) : record.state;

const shape = (blocks) => (record, x, y, w) => {
    const name = name_of(record), end = hex(record.start + BigInt(record.size));
    const title = `${kind_of(record).split(" ").pop()}: ${name}, ${size(record.size)}, ${hex(record.start)}-${end}`;
    const ink = record.word === "hole" || record.state === "clean" ? "dim" : "on";
    const label = fits(name, w) ? text(x + 4, y + 21, name, ink) : "";
    const own = record.kind === "block" ? blocks.filter((block) => block.start === record.start) : [];
    const inside = own.map(pages(x, y, w));
    return link(record.start, title, rect(x, y, w, BAND, kind_of(record), title) + inside.join("")) + label;
};

// A block's pages, at the foot of its range: live, dirty, being flushed, clean.
const pages = (x, y, w) => (block) => {
    const per_page = w / (block.size / PAGE), dirty = block.dirty + block.flushing;
    const title = `${block.live} pages live in ${block.maps} maps, ${dirty} dirty, ${block.clean} clean`;
    return rect(x, y + BAND - 8, w, 8, "pages clean", title) +
        rect(x, y + BAND - 8, block.live * per_page, 8, "live", title) +
        rect(x + block.live * per_page, y + BAND - 8, dirty * per_page, 8, "dirty", title);
};

const LEGEND = [["vmalloc", "vmalloc"], ["ioremap", "ioremap"], ["vmap", "vmap"],
    ["block", "blocks, their pages below: live, dirty, clean"], ["lazy", "freed, not flushed"], ["clean", "kept"],
        ["hole", "free"],
    ["large", "large leaves"], ["small", "4 KiB leaves"]];

const legend = (y, width) => {
    let x = 0;
    return LEGEND.map(([kind, words]) => {
        const w = words.length * 5.6 + 36;
        if (x && x + w > width)
            x = 0, y += 18;
        x += w;
        return rect(x - w, y, 12, 12, kind) + text(x - w + 16, y + 10, words, "dim");
    }).join("") + `<!--${y + 18}-->`; // where it ends
};

// Of ptdump -m and vmallocinfo -m: the parts of the address space, the leaves of the kernel's half, vmalloc space.
export const map = (records, width) => {
    const [space] = of(records, "space"), parts = of(records, "part").filter((part) => part.size);
    const leaves = of(records, "leaves"), ranges = of(records, "range"), draw = shape(of(records, "block"));
    const rows = [["The address space", with_holes(parts, parts[0]?.start ?? 0n, 0n)],
        ["Leaves of the page tables", with_holes(leaves, leaves[0]?.start ?? 0n, 0n)],
        ["vmalloc space", space ? with_holes(ranges, space.start, space.end) : []]].filter(([, all]) => all.length);
    const body = rows.map(([title, all], i) => text(0, i * 70 + 14, title) +
        strip(all, width, i * 70 + 22, draw)).join("");
    const keys = legend(rows.length * 70 + 8, Math.min(width, 900));
    return picture(width, Number(/<!--(\d+)-->$/.exec(keys)[1]) + 4, "map of the address space", body + keys);
};

// --- the walk of one address ---------------------------------------------------------------------------------------

const BOX = 44;

// Of walk -m: a column a tree, a box an entry, down to the frame.
export const walk = (records, width) => {
    const ends = of(records, "walk"), entries = of(records, "entry");
    const column = Math.min(width / Math.max(ends.length, 1), 460);
    const drawn = ends.map((end, n) => {
        const x = n * column, w = column - 12, own = entries.filter((entry) => entry.tree === end.tree);
        const boxes = own.map((entry, i) => {
            const y = 26 + i * (BOX + 18), at = `${entry.level}[${entry.index}] = ${hex(entry.value)}`;
            const kind = entry.kind === "none" ? "empty" : entry.kind;
            return `<path d="M${x + w / 2} ${y + BOX}v18"/>` +
                rect(x, y, w, BOX, `entry ${kind}`, `${at} at ${hex(entry.at)}`) +
                text(x + 8, y + 18, at, kind === "empty" ? "" : "on") +
                text(x + 8, y + 35, `${entry.kind} ${entry.rights ?? ""}`, kind === "empty" ? "dim" : "on");
        });
        const y = 26 + own.length * (BOX + 18);
        const found = end.present ? `physical ${hex(end.phys)}, leaf of ${size(end.size)}` : "not mapped";
        const whose = end.tree ? `process's tree ${end.tree}` : "the reference";
        return text(x, 14, `${hex(end.addr)} in ${whose}`) + boxes.join("") +
            rect(x, y, w, BOX - 10, "frame") + text(x + 8, y + 21, found);
    });
    const most = Math.max(0, ...ends.map((end) => entries.filter((entry) => entry.tree === end.tree).length));
    return picture(Math.min(width, ends.length * column), 26 + most * (BOX + 18) + BOX, "page-table walk",
        drawn.join(""));
};

// --- parity of all processes' top entries --------------------------------------------------------------------------

const STATES = { e: "equal", n: "empty", d: "differs", m: "missing", c: "carried" };

// Of pgds -m: a row a tree, a column a used slot.
export const grid = (records, width) => {
    const [slots] = of(records, "slots"), trees = of(records, "tree"), [sum] = of(records, "parity");
    const used = String(slots?.used ?? "").split(",").filter(Boolean), left = 92;
    const cell = Math.min((width - left) / used.length, 28);
    const row = (tree, i) => {
        const name = tree.id ? `tree ${tree.id}` : "reference";
        return text(0, i * 22 + 37,
            name) + [...tree.states].map((letter, n) => rect(left + n * cell, 22 + i * 22, cell, 20,
            `cell ${STATES[letter]}`, `${slots.level}[${used[n]}] of ${name}: ${STATES[letter]}`)).join("");
    };
    const head = used.map((index, n) =>
        (cell >= 26 || n % 8 === 0 ? text(left + n * cell + 2, 14, index, "dim") : "")).join("");
    const y = 22 + trees.length * 22 + 20, verdict = sum && (sum.differs + sum.missing ? "BROKEN" : "ok");
    const words = sum ? `parity ${verdict}: ${sum.trees} processes, ${sum.slots} slots, ` +
        `${sum.differs} differ, ${sum.missing} missing` : "";
    const body = text(0, 14, slots?.level ?? "", "dim") + head + trees.map(row).join("") + text(0, y, words);
    return picture(width, y + 12, "parity of all top entries", body);
};

// --- the trace -----------------------------------------------------------------------------------------------------

const words_of = (event) => Object.entries(event).filter(([key]) => !["word", "time", "cpu", "name"].includes(key))
    .map(([key, number]) => `${key}=${hex(number)}`).join(" ");

const row_of = (event) => `CPU ${event.cpu} ${event.name}`;

// Of trace -m: a row for each event of each CPU, time to the right.
export const timeline = (records, width) => {
    const events = of(records, "event"), left = 200, span = width - left - 10;
    const rows = [...new Set(events.map(row_of))].sort();
    const first = events[0]?.time ?? 0, time = Math.max((events.at(-1)?.time ?? 0) - first, 1);
    const x = (event) => left + (event.time - first) / time * span;
    const lanes = rows.map((row, i) => text(0, i * 26 + 40, row) +
        `<path d="M${left} ${i * 26 + 36}h${span}"/>`).join("");
    const marks = events.map((event) => rect(x(event) - 1.5, rows.indexOf(row_of(event)) * 26 + 27, 3, 18,
        `event ${event.name}`,
         `${event.time} us: ${event.name} ${words_of(event)}`)).join("");
    const ticks = [0, 0.25, 0.5, 0.75].map((part) =>
        text(left + part * span, 14, `${((first + part * time) / 1000).toFixed(1)} ms`, "dim"));
    return picture(width, rows.length * 26 + 34, "trace", ticks.join("") + lanes + marks);
};
