/** Every id that both the manifest and the code need: declared once, here. */

export const DEBUG_TYPE = 'xen';
export const EXTENSION_ID = 'xenoscope.xenoscope';

export const commands = {
  addBreakpoint: 'xenoscope.addBreakpoint',
  bootFile: 'xenoscope.bootFile',
  openMemory: 'xenoscope.openMemory',
  openMemoryOfVariable: 'xenoscope.openMemoryOfVariable',
  showConsole: 'xenoscope.showConsole',
  attachDevice: 'xenoscope.attachDevice',
  detachDevice: 'xenoscope.detachDevice',
  controlDomain: 'xenoscope.controlDomain',
  openView: 'xenoscope.openView',
  openPageTables: 'xenoscope.openPageTables',
  openGrants: 'xenoscope.openGrants',
  openEventChannels: 'xenoscope.openEventChannels',
  openHypercalls: 'xenoscope.openHypercalls',
  openDomainState: 'xenoscope.openDomainState',
  openXenstore: 'xenoscope.openXenstore',
  openSample: 'xenoscope.openSample',
} as const;

export const views = {
  rings: 'xenoscope.rings',
} as const;

export const panels = {
  memory: 'xenoscope.memory',
} as const;

export const walkthroughs = {
  start: 'xenoscope.start',
} as const;

/** Views of what Xen knows, by the name of their folder in extension/webview/panels. */
export const VIEW_NAMES = ['page-tables', 'grants', 'event-channels', 'hypercalls', 'domain', 'xenstore'] as const;
export type ViewName = (typeof VIEW_NAMES)[number];

export const settings = { section: 'xenoscope', historySize: 'historySize' } as const;
export const DEFAULT_HISTORY_SIZE = 20_000;
