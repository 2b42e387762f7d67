// SPDX-License-Identifier: MIT
// map.mjs LOG OUT.svg: the map of the address space that a log's lines of `ptdump -m` and `vmallocinfo -m` tell.
import { readFileSync, writeFileSync } from "node:fs";
import { map, style } from "./draw.js";
import { of, parse } from "./lines.js";

const [log, out] = process.argv.slice(2);

const fail = (why) => {
    console.error(`make map: ${why}`);
    process.exit(1);
};

const text_of = (path) => {
    try {
        return readFileSync(path, "utf8");
    } catch (error) {
        return fail(`${path} cannot be read (${error.code})`);
    }
};

const records = parse(text_of(log));
if (!of(records, "space").length && !of(records, "part").length)
    fail(`no lines of 'ptdump -m' or 'vmallocinfo -m' are in ${log}`);
writeFileSync(out, map(records, 1600).replace(">", `><style>${style}</style>`));
const count = (word) => of(records, word).length;
console.log(`${out}: ${count("range")} ranges, ${count("block")} blocks, ${count("leaves")} runs of leaves`);
