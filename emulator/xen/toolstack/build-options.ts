/** What a domain builder is given, whatever the interface, and what it answers. */
import type { Domain } from '../common/domain.ts';
import type { DomainLayout } from './domain-layout.ts';
import type { HostConnections } from './host-side.ts';
import type { KernelImage } from './image/kernel-image.ts';
import type { Xen1Layout } from './xen-1-layout.ts';
import type { Xen2Layout } from './xen-2-layout.ts';

export type AnyLayout = DomainLayout | Xen2Layout | Xen1Layout;

export interface BuildOptions {
  readonly name: string;
  readonly image: KernelImage;
  /** As it is to lie in memory (see unpackRamdisk). */
  readonly ramdisk: Uint8Array | undefined;
  readonly commandLine: string;
  readonly pages: number;
  readonly vcpus: number;
  readonly uuid: Uint8Array;
}

export interface BuiltDomain {
  readonly domain: Domain;
  readonly layout: AnyLayout;
  readonly connections: HostConnections;
}
