/** What one crossing into the hypervisor costs on the host, and what domains cost that do nothing. */
import { config, median, runXenoscope } from './contenders.ts';
import { buildGuest } from './guests.ts';

const OPERATIONS = 2_000_000;
const IDLE_DOMAINS = 16;
const IDLE_SECONDS = 10;

/** Host nanoseconds of a null hypercall and of an event to oneself with its callback and iret. */
export function printLatencies(major: string, rounds: number): void {
  const kernel = buildGuest('latency', [`OPERATIONS=${OPERATIONS}`]);
  console.log(`\nCrossings into the hypervisor, Node ${major} (median of ${rounds})`);
  for (const [command, what] of [
    ['null', 'null hypercall (xen_version)'],
    ['ping', 'event to oneself: send, callback, iret'],
  ] as const) {
    const file = config(command, `name = "${command}"\nkernel = "${kernel}"\ncmdline = "${command}"\nmemory = 16\n`);
    const nanoseconds = Array.from({ length: rounds }, () => {
      const { report } = runXenoscope(major, [file, '--timeout', '300'], 'LATENCY-DONE');
      return (report.wallSeconds * 1e9) / OPERATIONS;
    });
    console.log(`  ${what.padEnd(40)} ${median(nanoseconds).toFixed(0).padStart(7)} ns`);
  }
}

/** The sample with its tick a second, many times over: host time for a second of theirs, when nothing is waited for. */
export function printIdleCost(major: string): void {
  const kernel = `${process.cwd()}/test/guests/minimal/guest.elf`;
  const files = Array.from({ length: IDLE_DOMAINS }, (_, index) =>
    config(`idle${index}`, `name = "idle${index}"\nkernel = "${kernel}"\nmemory = 16\n`),
  );
  const { sample, report } = runXenoscope(major, [...files, '--timeout', String(IDLE_SECONDS)]);
  const cost = (report.wallSeconds / report.virtualSeconds) * 1e6;
  console.log(
    `\n${IDLE_DOMAINS} idle domains, Node ${major}: ${cost.toFixed(1)} µs of the host for a second of theirs, ` +
      `${(sample.memory / 2 ** 20).toFixed(0)} MiB peak`,
  );
}
