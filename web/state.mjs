// SPDX-License-Identifier: MIT
// state.mjs IMAGE KERNEL WORDS MEGABYTES OUT: boot it in v86, without a browser, up to the shell's prompt, and save the
// machine there.
//
// OUT is a gzip file: what was said until then, a NUL, and v86's own state. A clock that counts how often it is read
// takes the place of the host's, so two runs do the same at the same time, whatever else the host does.
import { readFileSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { gzipSync } from "node:zlib";

const EPOCH = 1700000000000; // as iso/make-iso.sh has it
const MICROSECONDS = 20;     // that pass at each look at the clock
let looks = 0;
performance.now = () => ++looks * MICROSECONDS / 1000;
Date.now = () => EPOCH + Math.floor(looks * MICROSECONDS / 1000);
Math.random = () => 0.5;
globalThis.setTimeout = ((real) => (what, delay, ...more) => real(what, 0, ...more))(setTimeout);

setFlagsFromString("--liftoff-only"); // as in tests/qemu/v86.mjs
const { V86 } = await import("v86");
const { machine, Shell, words_into } = await import("./machine.js");
const [image, kernel, words, megabytes, out] = process.argv.slice(2);
const modules = new URL("node_modules/v86/build/", import.meta.url).pathname, firmware = "/usr/share/seabios";
const file = (path) => Uint8Array.from(readFileSync(path)).buffer;

const cdrom = file(image);
words_into(cdrom, kernel, words);
const emulator = new V86(machine({
    wasm_path: `${modules}v86.wasm`, bios: { buffer: file(`${firmware}/bios.bin`) },
    vga_bios: { buffer: file(`${firmware}/vgabios-stdvga.bin`) }, cdrom: { buffer: cdrom },
}, Number(megabytes)));
let said = "";
await new Shell(emulator, (letter) => { said += letter; }).prompt();
await emulator.stop();
emulator.eject_cdrom(); // nobody reads it any more, and it would be a part of the state
const state = new Uint8Array(await emulator.save_state());
writeFileSync(out, gzipSync(Buffer.concat([Buffer.from(`${said}\0`), state]), { level: 9 }));
process.exit(0);
