import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type BrowserContext, chromium, type Frame, type Page } from 'playwright-core';
import type { TestContext } from 'vitest';
import { assembleFileSystem } from '../../extension/workbench/assemble.ts';
import { codeOss } from '../../extension/workbench/code-oss.ts';
import { serveWorkbench, type WorkbenchServer } from '../../extension/workbench/server.ts';
import { Unavailable } from '../support/debian.ts';
import { unpackZip } from '../support/zip.ts';

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const ARGUMENTS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** The terminal's text can be read back only when it is drawn as text. */
const SETTINGS = { 'terminal.integrated.gpuAcceleration': 'off', 'window.autoDetectColorScheme': true };
const SCREENSHOTS = 'test-output/screenshots';

/** A VS Code for the Web in Chromium, with the packaged extension, on a folder of its own. */
export class Workbench {
  private constructor(
    readonly page: Page,
    /** The opened folder, on this machine's disk. */
    readonly folder: string,
    /** What page and extension host wrote to the browser's console. */
    readonly log: readonly string[],
    private readonly context: BrowserContext,
    private readonly server: WorkbenchServer,
    private readonly temporary: string,
  ) {}

  /**
   * `fill` puts files into the folder before it is opened. `extension` is an unpacked extension; without it, the .vsix
   * that `npm run package` made.
   * @throws Unavailable without a browser or a workbench
   */
  static async open(
    fill: (folder: string) => void,
    { isolated = false, extension }: { isolated?: boolean; extension?: string } = {},
  ): Promise<Workbench> {
    const executablePath = BROWSERS.find((file) => existsSync(file));
    if (executablePath === undefined) throw new Unavailable('needs a browser: apt-get install chromium');
    const temporary = mkdtempSync(path.join(os.tmpdir(), 'xenoscope-end-to-end-'));
    const folder = path.join(temporary, 'workspace');
    mkdirSync(path.join(folder, '.vscode'), { recursive: true });
    fill(folder);
    const server = await serveWorkbench({
      build: fetchedWorkbench(),
      extension: extension ?? unpackedExtension(temporary),
      fileSystem: await assembleFileSystem(),
      workspace: folder,
      port: 0,
      isolated,
      settings: SETTINGS,
    });
    const context = await chromium.launchPersistentContext(path.join(temporary, 'profile'), {
      executablePath,
      args: ARGUMENTS,
      viewport: { width: 1440, height: 900 },
    });
    const page = context.pages()[0] ?? (await context.newPage());
    const log: string[] = [];
    page.on('console', (message) => log.push(`${message.type()}: ${message.text()}`));
    await page.goto(server.url);
    await page.locator('.monaco-workbench').waitFor({ timeout: 120_000 });
    return new Workbench(page, folder, log, context, server, temporary);
  }

  async close(): Promise<void> {
    await this.context.close();
    await this.server.close();
    rmSync(this.temporary, { recursive: true, force: true });
  }

  async screenshot(name: string): Promise<void> {
    mkdirSync(SCREENSHOTS, { recursive: true });
    await this.page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) });
  }

  /** Runs a command of the palette by its title, as a user does. */
  async command(title: string): Promise<void> {
    const input = this.page.locator('.quick-input-widget input[type="text"]').first();
    const row = this.page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first();
    // The workbench drops keys while it is busy, and closes the palette when another part takes the focus.
    for (let attempt = 0; attempt < 12; attempt += 1) {
      await this.page.keyboard.press('F1');
      const isOffered = await input
        .fill(`>${title}`, { timeout: 5000 })
        .then(() => row.waitFor({ timeout: 10_000 }))
        .then(
          () => true,
          () => false,
        );
      if (!isOffered) continue;
      await this.page.keyboard.press('Enter');
      return;
    }
    await this.screenshot('failure-palette');
    throw new Error(`the palette never offered "${title}"`);
  }

  /** F5 until something happens: early on, the extension host is not up yet and the key is lost. */
  async startDebugging(): Promise<void> {
    const toolbar = this.page.locator('.debug-toolbar');
    const picker = this.page.locator('.quick-input-list .monaco-list-row', { hasText: 'Xen domain (Xenoscope)' });
    for (let attempt = 0; attempt < 30; attempt += 1) {
      if (await toolbar.isVisible()) return;
      // Without a launch.json, VS Code asks which debugger is meant.
      if (await picker.first().isVisible()) await picker.first().click();
      else await this.page.keyboard.press('F5');
      await toolbar.waitFor({ timeout: 4000 }).catch(() => undefined);
    }
    await toolbar.waitFor({ timeout: 1000 });
  }

  /** Adds a breakpoint by the command that completes names; `name` must be offered as it is. */
  async addBreakpoint(name: string): Promise<void> {
    const title = this.page.locator('.quick-input-title', { hasText: 'Add Xen Breakpoint' });
    const widget = this.page.locator('.quick-input-widget', { has: title });
    // The first use activates the extension, and anything that takes the focus meanwhile closes the list.
    for (let attempt = 0; attempt < 5 && !(await title.isVisible()); attempt += 1) {
      await this.command('Xen: Add Xen Breakpoint');
      await title.waitFor({ timeout: 15_000 }).catch(() => undefined);
    }
    await widget.locator('input[type="text"]').first().fill(name);
    await widget.locator('.monaco-list-row.focused', { hasText: name }).waitFor();
    await this.page.keyboard.press('Enter');
    await widget.waitFor({ state: 'hidden' });
  }

  /** Chooses colours as the system would. The class that VS Code gives the pages of webviews then. */
  async colours(scheme: 'dark' | 'light', highContrast: boolean): Promise<string> {
    await this.page.emulateMedia({ colorScheme: scheme, forcedColors: highContrast ? 'active' : 'none' });
    if (!highContrast) return `vscode-${scheme}`;
    return scheme === 'dark' ? 'vscode-high-contrast' : 'vscode-high-contrast-light';
  }

  /** Puts the cursor of the active editor on a line. */
  async goToLine(line: number): Promise<void> {
    const input = this.page.locator('.quick-input-widget input[type="text"]').first();
    await this.page.keyboard.press('Control+G');
    await input.fill(`:${line}`);
    await this.page.keyboard.press('Enter');
    await this.page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
  }

  /** A button of the debug toolbar: "continue", "step-into", "pause" … */
  async debugAction(name: string): Promise<void> {
    await this.page.locator(`.debug-toolbar .codicon-debug-${name}`).click();
  }

  /** The page inside a webview, by its title; it may take a moment to come up. */
  async webview(title: string): Promise<Frame> {
    for (const end = Date.now() + 30_000; Date.now() < end; await this.page.waitForTimeout(250)) {
      for (const frame of this.page.frames()) {
        const isIt = await frame.title().then(
          (text) => text === title && frame.parentFrame() !== null,
          () => false,
        );
        if (isIt) return frame;
      }
    }
    throw new Error(`there is no webview "${title}"`);
  }

  /** Text on the screen of the active terminal. */
  async terminalText(): Promise<string> {
    const rows = await this.page.locator('.terminal-wrapper.active .xterm-rows > div').allTextContents();
    return rows.join('\n').replaceAll('\u00a0', ' ');
  }

  /** Types into the guest's console, as a user at its terminal does. */
  async typeOnConsole(text: string): Promise<void> {
    await this.command('Xen: Show Guest Console');
    // The command palette may give the focus back to a webview after the command has moved it.
    await this.page.locator('.terminal-wrapper.active .xterm-screen').click();
    await this.page.locator('.terminal-wrapper.active .xterm.focus').waitFor();
    await this.page.keyboard.type(text, { delay: 20 });
  }

  /** Waits until the terminal shows `wanted`. */
  async terminalShows(wanted: string | RegExp, timeout = 60_000, every = 250): Promise<string> {
    const limit = Date.now() + timeout;
    let text = '';
    while (Date.now() < limit) {
      text = await this.terminalText();
      if (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text)) return text;
      await this.page.waitForTimeout(every);
    }
    throw new Error(`the terminal never showed ${wanted}; it shows:\n${text}`);
  }
}

/** Opens a workbench, or skips the test with what is missing. */
export async function openOrSkip(
  context: TestContext,
  fill: (folder: string) => void,
  options: { isolated?: boolean; extension?: string } = {},
): Promise<Workbench> {
  try {
    return await Workbench.open(fill, options);
  } catch (error) {
    if (error instanceof Unavailable) context.skip(error.message);
    throw error;
  }
}

function fetchedWorkbench(): string {
  try {
    return codeOss(console.log);
  } catch (error) {
    throw new Unavailable(`needs a web build of VS Code, and ${(error as Error).message}`);
  }
}

function unpackedExtension(temporary: string): string {
  const name = readdirSync('dist').find((file) => file.endsWith('.vsix'));
  if (name === undefined) throw new Unavailable('needs the packaged extension: npm run package');
  const folder = path.join(temporary, 'vsix');
  unpackZip(path.join('dist', name), folder);
  return path.join(folder, 'extension');
}
