import { commands, DEBUG_TYPE, DEFAULT_HISTORY_SIZE, settings, views, walkthroughs } from './identifiers.ts';
import { launchProperties } from './launch-schema.ts';

/** Languages in whose editors the gutter takes breakpoints during a Xen session. */
const breakpointLanguages = ['c', 'cpp', 'rust', 'asm', 'arm', 'gas', 'nasm', 'asm-intel-x86-generic', 'ocaml', 'zig'];

const duringSession = `debugType == ${DEBUG_TYPE}`;
/** Files that look like something to boot; what they are is decided by their contents, later. */
const bootable = 'resourceFilename =~ /^(vmlinu|grub.*xen|.*xen.*)|\\.(cfg|elf)$/i';

/** `contributes` of package.json; `npm run gen` writes it there. */
export const contributions = {
  debuggers: [
    {
      type: DEBUG_TYPE,
      label: 'Xen domain (Xenoscope)',
      languages: ['c', 'asm'],
      configurationAttributes: { launch: { properties: launchProperties } },
      configurationSnippets: [
        {
          label: 'Xen: boot a kernel',
          description: 'Boots a paravirtualised kernel under Xenoscope.',
          body: {
            type: DEBUG_TYPE,
            request: 'launch',
            name: 'Boot ${1:kernel}',
            kernel: '^"\\${workspaceFolder}/${2:vmlinuz}"',
            cmdline: '${3:console=hvc0}',
            memory: 256,
            stopOnEntry: false,
          },
        },
        {
          label: 'Xen: boot an xl.cfg',
          description: 'Boots the domain that an xl.cfg describes.',
          body: {
            type: DEBUG_TYPE,
            request: 'launch',
            name: 'Boot ${1:guest.cfg}',
            config: '^"\\${workspaceFolder}/${2:guest.cfg}"',
          },
        },
      ],
      strings: {
        unverifiedBreakpoints: 'Not set yet: Xenoscope knows this place only once the kernel is loaded.',
      },
    },
  ],
  breakpoints: breakpointLanguages.map((language) => ({ language })),
  commands: [
    { command: commands.addBreakpoint, title: 'Add Xen Breakpoint…', category: 'Xen', icon: '$(add)' },
    { command: commands.bootFile, title: 'Boot with Xenoscope', category: 'Xen', icon: '$(debug-alt)' },
    { command: commands.openMemory, title: 'Open Memory View', category: 'Xen', icon: '$(file-binary)' },
    { command: commands.openMemoryOfVariable, title: 'View in Xen Memory View', category: 'Xen' },
    { command: commands.openView, title: 'Open Xen View…', category: 'Xen', icon: '$(layers)' },
    { command: commands.openPageTables, title: 'Open Page Tables', category: 'Xen' },
    { command: commands.openGrants, title: 'Open Grant Tables', category: 'Xen' },
    { command: commands.openEventChannels, title: 'Open Event Channels', category: 'Xen' },
    { command: commands.openHypercalls, title: 'Open Hypercalls', category: 'Xen' },
    { command: commands.openDomainState, title: 'Open Domain State', category: 'Xen' },
    { command: commands.openXenstore, title: 'Open Xenstore', category: 'Xen' },
    { command: commands.showConsole, title: 'Show Guest Console', category: 'Xen', icon: '$(terminal)' },
    { command: commands.attachDevice, title: 'Attach Disk or Network Interface…', category: 'Xen' },
    { command: commands.detachDevice, title: 'Detach Disk or Network Interface…', category: 'Xen' },
    { command: commands.controlDomain, title: 'Control Domain…', category: 'Xen' },
    { command: commands.openSample, title: 'Open the Sample Workspace', category: 'Xen' },
  ],
  configuration: {
    title: 'Xenoscope',
    properties: {
      [`${settings.section}.${settings.historySize}`]: {
        type: 'integer',
        default: DEFAULT_HISTORY_SIZE,
        minimum: 100,
        maximum: 1_000_000,
        markdownDescription: 'Entries that the hypercalls view and the history of the xenstore view keep.',
      },
    },
  },
  menus: {
    commandPalette: [
      { command: commands.openMemoryOfVariable, when: 'false' },
      { command: commands.showConsole, when: duringSession },
      { command: commands.attachDevice, when: duringSession },
      { command: commands.detachDevice, when: duringSession },
      { command: commands.controlDomain, when: duringSession },
    ],
    'explorer/context': [{ command: commands.bootFile, when: bootable, group: 'navigation@90' }],
    'editor/title/context': [{ command: commands.bootFile, when: bootable }],
    'view/title': [
      {
        command: commands.addBreakpoint,
        when: `view == workbench.debug.breakPointsView && ${duringSession}`,
        group: 'navigation@0',
      },
    ],
    'debug/toolBar': [
      { command: commands.openMemory, when: duringSession, group: 'navigation@90' },
      { command: commands.showConsole, when: duringSession, group: 'navigation@91' },
      { command: commands.openView, when: duringSession, group: 'navigation@92' },
    ],
    'debug/variables/context': [{ command: commands.openMemoryOfVariable, when: duringSession, group: 'navigation' }],
    'debug/watch/context': [{ command: commands.openMemoryOfVariable, when: duringSession, group: 'navigation' }],
  },
  views: {
    debug: [
      {
        id: views.rings,
        type: 'webview',
        name: 'Xen Rings',
        contextualTitle: 'Xen Rings',
        icon: 'media/icons/xen.svg',
        when: duringSession,
      },
    ],
  },
  walkthroughs: [
    {
      id: walkthroughs.start,
      title: 'Boot a Xen domain',
      description: 'A paravirtualised kernel under a debugger that knows what Xen knows.',
      steps: [
        {
          id: 'sample',
          title: 'Open the sample',
          description: `The sample has a small guest and a launch.json.\n[Open the sample](command:${commands.openSample})`,
          media: { markdown: 'media/walkthrough/sample.md' },
        },
        {
          id: 'boot',
          title: 'Press F5',
          description: 'The console opens in a terminal before the first instruction.',
          media: { markdown: 'media/walkthrough/boot.md' },
        },
        {
          id: 'breakpoint',
          title: 'Stop at a hypercall',
          description: `Function breakpoints take hypercalls by name.\n[Add a breakpoint](command:${commands.addBreakpoint})`,
          media: { markdown: 'media/walkthrough/breakpoint.md' },
        },
      ],
    },
  ],
};
