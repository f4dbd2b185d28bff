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
