import { EAGER_OPTIONS } from '../../../../emulator/x86/translator/translator.ts';
import { BareMachine } from '../cpu/bare-machine.ts';

// What the interpreter's tests ask for, with every block translated before it runs.
BareMachine.translation = EAGER_OPTIONS;
await import('../cpu/access-checks.test.ts');
await import('../cpu/debug-registers.test.ts');
await import('../cpu/run.test.ts');
await import('../fpu/switched-off.test.ts');
await import('../isa/protected-mode.test.ts');
await import('../isa/system.test.ts');
