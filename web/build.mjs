// SPDX-License-Identifier: MIT
// build.mjs OUT: the page, as static files in OUT/web. Run by `make web`, which has built the three kernels.
//
// One image carries all kernels that the page boots: those of 32 bits, and PAE ones that are broken on purpose by
// patches of tests/mutations. The page writes the name of a kernel and the words for it into the image (page.js,
// words_into()).
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(fileURLToPath(new URL(".", import.meta.url)), "..");
const out = process.argv[2], web = join(out, "web"), work = join(out, "web-kernels"), tree = join(work, "tree");
const modules = join(root, "web", "node_modules"), firmware = "/usr/share/seabios";
const SOURCES = ["arch", "boot", "iso", "kernel", "mm", "tests/kernel", "tests/user", "tests/bench", "tests/host",
    "third_party", "linker.ld", "Makefile"];
const PAGE = ["index.html", "style.css", "page.js", "lines.js", "draw.js", "machine.js"];
// Bugs whose kernels are in the image: what is typed to meet them (the whole suite of the patch takes too long for a
// click).
const BROKEN = {
    "cr3-for-globals": { tests: "museum.m51*,vmalloc.*" }, "purge-without-flush": { tests: "vmalloc.vm_map_ram*" },
    "range-before-flush": { tests: "vmalloc.*" }, "kunmap-keeps": { tests: "memory.*", highmem: true },
};
const GOOD = ["i386", "i386-pae"];
const ROOM = 120; // characters for the words
const image = join(work, "kvasir.iso"), state = join(work, "machine.state"), MEGABYTES = 128;

const patch_of = (name) => join(root, "tests", "mutations", `${name}.patch`);

const IMAGE_PARTS = [...GOOD.map((name) => join(out, name, "kernel")), ...Object.keys(BROKEN).map(patch_of),
    join(root, "web", "build.mjs"), join(root, "iso", "grub.cfg"), join(root, "iso", "make-iso.sh")];
// A saved state is of one version of the emulator, and of one BIOS. What npm and Debian install has times of its own.
const STATE_PARTS = [image, ...["state.mjs", "machine.js"].map((name) => join(root, "web", name)),
    ...["build/libv86.mjs", "build/v86.wasm"].map((name) => join(modules, "v86", name)), 
    ...["bios.bin", "vgabios-stdvga.bin"].map((name) => join(firmware, name))];

// Has it been made since each of its parts was made, or came to this machine?
const is_newer = (path, parts) => existsSync(path) && parts.every((part) =>
    Math.max(statSync(part).mtimeMs, statSync(part).ctimeMs) < statSync(path).mtimeMs);

const fail = (why) => {
    console.error(`make web: ${why}`);
    process.exit(1);
};

const run = (cwd, command, ...args) => {
    const { MAKEFLAGS, MFLAGS, MAKEOVERRIDES, ...env } = process.env;
    env.CC ??= "gcc"; // as in the Makefile: another name would compile everything again
    env.BOOT = `kvasir:i386-pae${" ".repeat(ROOM)}`;
    try {
        execFileSync(command, args, { cwd, env, stdio: ["ignore", "inherit", "inherit"] });
    } catch (error) {
        fail(error.code === "ENOENT" ? `${command} is missing: run 'make setup'`
            : `${command} ${args.join(" ")} failed`);
    }
};

// A copy of the tree with the objects of the kernel that is built: only what a patch touches is compiled. Each kernel
// has a fresh one, since what is put back would be compiled once more.
const copy_tree = () => {
    rmSync(tree, { recursive: true, force: true });
    for (const name of SOURCES)
        cpSync(join(root, name), join(tree, name), { recursive: true, preserveTimestamps: true });
    cpSync(join(out, "i386-pae"), join(tree, "build", "i386-pae"), { recursive: true, preserveTimestamps: true });
};

const build_broken = (name) => {
    copy_tree();
    run(tree, "patch", "-p1", "-s", "-f", "-i", patch_of(name));
    run(tree, "make", "-s", "-j2", "-f", "boot/kernel.mk", "TARGET=i386-pae", "O=build");
    mkdirSync(join(work, name), { recursive: true });
    cpSync(join(tree, "build", "i386-pae", "kernel"), join(work, name, "kernel"));
};

const broken_entry = ([name, { tests, highmem }]) => {
    const head = readFileSync(patch_of(name), "utf8").split("\n--- ")[0];
    const verdicts = /^Verdict: (.*)$/m.exec(head)[1].split(" ");
    return { name, what: head.split("\n\n")[0].replaceAll("\n", " "), tests, highmem, verdicts };
};

// The table of tests/kernel/README.md: what went wrong, and the test that is typed for it.
const museum_entries = () => readFileSync(join(root, "tests/kernel/README.md"), "utf8").split("\n").flatMap((line) => {
    const [, number, what, test, where] = line.split("|").map((cell) => cell.trim());
    const name = /`(museum\.m[^`]+)`/.exec(test ?? "")?.[1].replace(/\[.*\]/, "*");
    const cpus = /\b(two|three) CPUs\b/.exec(where ?? "")?.[1];
    return name ? [{ number, what: what.replaceAll("`", ""), test: name, cpus }] : [];
});

const bytes = (path) => statSync(path).size;

if (!existsSync(join(modules, "v86")) || !existsSync(join(modules, "@xterm")))
    fail("v86 or xterm.js is missing; 'make setup' installs them from npm, once, and needs the network for it");
if (!existsSync(join(firmware, "bios.bin")))
    fail("SeaBIOS is missing: run 'make setup' (Debian: apt install seabios)");
rmSync(web, { recursive: true, force: true });
mkdirSync(web, { recursive: true });
if (!is_newer(image, IMAGE_PARTS)) {
    rmSync(work, { recursive: true, force: true });
    Object.keys(BROKEN).forEach(build_broken);
    run(root, "sh", "iso/make-iso.sh", image, ...GOOD.map((name) => join(out, name, "kernel")),
        ...Object.keys(BROKEN).map((name) => join(work, name, "kernel")));
}
if (!is_newer(state, STATE_PARTS))
    run(root, "node", "web/state.mjs", image, "i386-pae", "shell", String(MEGABYTES), state);
const files = PAGE.map((name) => [join(root, "web", name), name]);
files.push([image, "kvasir.iso"], [state, "machine.state"], [join(firmware, "bios.bin"), "bios.bin"], 
    [join(firmware, "vgabios-stdvga.bin"), "vgabios.bin"],
    [join(modules, "v86/build/libv86.mjs"), "libv86.mjs"], [join(modules, "v86/build/v86.wasm"), "v86.wasm"], 
    [join(modules, "v86/LICENSE"), "v86.LICENSE"],
    [join(modules, "@xterm/xterm/lib/xterm.mjs"), "xterm.mjs"],
        [join(modules, "@xterm/xterm/css/xterm.css"), "xterm.css"],
    [join(modules, "@xterm/xterm/LICENSE"), "xterm.LICENSE"], [join(root, "LICENSE"), "LICENSE"]);
for (const [from, to] of files)
    cpSync(from, join(web, to));
const museum = { entries: museum_entries(), broken: Object.entries(BROKEN).map(broken_entry) };
writeFileSync(join(web, "museum.json"), JSON.stringify(museum));
const total = files.reduce((sum, [, to]) => sum + bytes(join(web, to)), bytes(join(web, "museum.json")));
console.log(`  WEB     ${web}: ${(total / 2 ** 20).toFixed(1)} MiB; 'make web-serve' shows it`);
