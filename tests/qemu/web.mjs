// SPDX-License-Identifier: MIT
// web.mjs PLAYWRIGHT CHROMIUM FOLDER URL PICTURES: the page of `make web`, served from its folder, in a browser without
// a window, as TAP; see web.t.
import { pathToFileURL } from "node:url";

const [playwright, executablePath, files, url, pictures] = process.argv.slice(2);
const { chromium } = (await import(pathToFileURL(`${playwright}/index.js`))).default;
const MINUTES = 60000;

let count = 0;
const ok = (good, name, comment = "") => {
    console.log(`${good ? "" : "not "}ok ${++count} - web: ${name}`);
    if (!good)
        console.log(`# ${String(comment).replaceAll("\n", "\n# ")}`);
};

const browser = await chromium.launch({ executablePath,
    // V8 would compile all that v86 has compiled once more, which takes three times as long as what is tested.
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--js-flags=--liftoff-only"] });
const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, colorScheme: "light" });
const page = await context.newPage();
page.setDefaultTimeout(2 * MINUTES);
const errors = [];
page.on("pageerror", (error) => errors.push(error.message));
page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
let loaded = 0;
page.on("response", (response) => { loaded += Number(response.headers()["content-length"] ?? 0); });

const text = (selector) => page.textContent(selector);
const elements = (selector) => page.locator(selector).count();
const wait_for = (selector, pattern) => page.waitForFunction(([where, source]) =>
    new RegExp(source).test(document.querySelector(where).textContent), [selector, pattern], { timeout: 2 * MINUTES });
const ready = () => page.waitForSelector("[data-picture=map]:enabled", { timeout: 2 * MINUTES });
// Lines of the last picture's text that begin with a word; the page keeps that text for who wants to compare.
const said = (word) => page.evaluate((wanted) =>
    window.kvasir.text.split("\n").filter((line) => line.startsWith(`${wanted} `)).length, word);

const draws = async (name, compare) => {
    await ready();
    await page.evaluate(() => { delete document.querySelector("#picture").dataset.shows; });
    await page.click(`[data-picture=${name}]`);
    await page.waitForSelector(`#picture[data-shows=${name}]`, { timeout: MINUTES });
    for (const [word, selector] of Object.entries(compare)) {
        const lines = await said(word), drawn = await elements(`#picture ${selector}`);
        const comment = `${drawn} elements ${selector} of ${lines} lines`;
        ok(lines && lines === drawn, `${name} draws each ${word}: ${lines}`, comment);
    }
};

const shot = async (name) => pictures && page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });

const check_pictures = async () => {
    await draws("map", { part: "rect.part", range: "rect.range", leaves: "rect.leaves" });
    const width = () => page.evaluate(() => document.querySelector("#picture svg").clientWidth), before = await width();
    await page.click("#in");
    const wider = await width();
    await page.click("#out");
    ok(wider > 1.5 * before && await width() === before, "the map is zoomed, and back", `${before}, ${wider}`);
    await page.focus("#picture a:has(rect.ioremap)");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#walk .entry", { timeout: MINUTES });
    ok(await elements("#walk .entry") === await said("entry") && /physical 0x/.test(await text("#walk")),
        "Enter on the map draws the walk, down to memory", await text("#walk"));
    await shot("web-light");
    await page.emulateMedia({ colorScheme: "dark" });
    await shot("web-dark");
    await draws("grid", { tree: "text:text-matches('^(tree \\\\d+|reference)$')" });
    const cells = await page.evaluate(() => window.kvasir.text.match(/ states=[a-z]+/g).join("").replaceAll(" states=",
        "").length);
    ok(await said("tree") === 4 && await elements("#picture .cell") === cells,
        `the grid has ${cells} cells of 4 trees`);
    await draws("timeline", { event: "rect.event" });
};

// Somebody types while the page asks: a line that is not finished, then a command of their own.
const check_typing = async () => {
    const leaves_with_tab = async () => {
        await page.focus("#terminal textarea");
        await page.keyboard.press("Control+m");
        await page.keyboard.press("Tab");
        return page.evaluate(() => !document.activeElement.closest("#terminal"));
    };
    ok(await leaves_with_tab() && !await leaves_with_tab(), "Ctrl-M gives the Tab key to the page, and back");
    await page.keyboard.press("Control+u");
    await page.keyboard.type("half a li");
    await wait_for("#terminal", "half a li");
    await draws("map", { part: "rect.part" });
    await page.focus("#terminal textarea");
    await page.keyboard.type("test museum.m01_*\r");
    await page.waitForSelector("[data-picture=map]:disabled");
    await page.evaluate(() => document.querySelector("#picture a").dispatchEvent(new MouseEvent("click",
        { bubbles: true })));
    await page.waitForFunction(() => !window.kvasir.text.startsWith("part "));
    const answer = await page.evaluate(() => window.kvasir.text);
    ok(answer.startsWith("entry "), "an answer is the page's own, whoever types", answer);
};

const check_museum = async () => {
    const status = await text("#status"), { broken } = await (await page.request.get(`${url}museum.json`)).json();
    await page.click("[data-test^='museum.m01_']");
    await wait_for("#verdict", "passed, this kernel does not have the bug");
    ok(await text("#status") === status, "a test of the museum passes by a click", await text("#status"));
    for (const { name, verdicts } of broken) {
        await page.evaluate((bug) => { // two clicks at once start one machine
            document.querySelector(`[data-bug=${bug}]`).click();
            document.querySelector("[data-boot=i386]").click();
        }, name);
        await wait_for("#verdict", `Running `);
        await wait_for("#verdict", "The oracle names it|passed|the bug is here|no verdict");
        const verdict = await text("#verdict");
        ok(verdicts.some((word) => verdict.includes(`names it: ${word}.`)), `${name} is named`, verdict);
    }
};

// What a browser may lack, or whoever opens the page from a file: a sentence, or another way.
const with_less = async () => {
    const poor = await (await browser.newContext()).newPage();
    const says = async (address, pattern, name) => {
        await poor.goto(address);
        await poor.waitForFunction((source) => new RegExp(source).test(document.querySelector("#status").textContent),
            pattern, { timeout: MINUTES / 4 }).catch(() => {});
        const status = await poor.textContent("#status");
        ok(new RegExp(pattern).test(status), name, status);
    };
    await poor.addInitScript(() => { delete globalThis[location.hash.slice(1)]; });
    await says(`${url}#WebAssembly`, "has no WebAssembly", "without WebAssembly it says so");
    await says(pathToFileURL(`${files}/index.html`).href, "a web server", "opened as a file it says what it needs");
    await says(`${url}#DecompressionStream`, "Booting i386-pae", "without streams that unpack it boots");
    await poor.close();
};

const on_a_phone = async () => {
    await page.setViewportSize({ width: 375, height: 780 });
    await page.waitForTimeout(300);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    ok(wide <= 375, "a phone's width is enough", `${wide} pixels`);
};

const start = Date.now();
try {
    await page.goto(url);
    await ready();
    ok(/saved at its first prompt/.test(await text("#status")), "a saved machine stands at its prompt",
        await text("#status"));
    console.log(`# ${((Date.now() - start) / 1000).toFixed(1)} s to the prompt, ` +
        `${(loaded / 2 ** 20).toFixed(1)} MiB loaded`);
    ok(loaded < 25 * 2 ** 20 && loaded > 2 ** 20, "the first load is below 25 MB", loaded);
    await page.click("[data-command=cpus]");
    await ready();
    await wait_for("#terminal", "paging mode pae");
    ok(true, "a command runs");
    await check_pictures();
    await check_typing();
    await check_museum();
    await on_a_phone();
    await shot("web-phone");
    await with_less();
    ok(!errors.length, "no error in the browser's console", errors.join("\n"));
} catch (error) {
    ok(false, "it went to the end",
        `${error.message}\nstatus: ${await text("#status").catch(() => "")}\n${errors.join("\n")}`);
}
console.log(`1..${count}`);
await browser.close();
