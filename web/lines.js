// SPDX-License-Identifier: MIT
// The kernel's lines for programs: a word, then KEY=VALUE pairs. The headers <mm/vmalloc.h>, <arch/pgtable.h>,
// <arch/mmu_sync.h> and <kernel/trace.h> say what they mean.

const value = (text) => (/^0x[0-9a-f]+$/.test(text) ? BigInt(text) : /^\d+$/.test(text) ? Number(text) : text);
const LINE = /^(part|leaves|space|range|block|entry|walk|slots|tree|parity|event|trace) (\w+=?\S*(?: \w+=\S*)*)$/;

// Every such line of a text, in order; whatever else stands there is left out. Addresses are BigInts.
export const parse = (text) => text.split(/\r?\n/).flatMap((line) => {
    const found = LINE.exec(line.trim());
    if (!found)
        return [];
    const pairs = found[2].split(" ").map((pair) => [pair.split("=", 1)[0], value(pair.slice(pair.indexOf("=") + 1))]);
    return [{ word: found[1], ...Object.fromEntries(pairs) }];
});

export const of = (records, word) => records.filter((record) => record.word === word);
export const hex = (address) => `0x${address.toString(16)}`;

export const size = (bytes) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    for (; unit < 4 && bytes >= 1024; unit++)
        bytes /= 1024;
    return `${Number(bytes.toFixed(1))} ${units[unit]}`;
};
