/**
 * Directories of a split device in xenstore, as libxl writes and removes them (libxl__device_generic_add in
 * tools/libs/light/libxl_device.c): the front end's, owned by the guest; the back end's, which the guest may read; and
 * libxl's own copy.
 */
import { XenbusStateInitialising } from '../../public/xen-4/io/xenbus.ts';
import { domainPath } from '../xenstore/paths.ts';
import type { Permission } from '../xenstore/permissions.ts';
import type { XenStore } from '../xenstore/store.ts';
import type { BackendDriver, DeviceAddress, Entries } from './driver.ts';

const BACKEND_DOMID = 0;

export function frontendPath({ domid, kind, handle }: DeviceAddress): string {
  return `${domainPath(domid)}/device/${kind}/${handle}`;
}

export function backendPath({ domid, kind, handle }: DeviceAddress): string {
  return `${domainPath(BACKEND_DOMID)}/backend/${kind}/${domid}/${handle}`;
}

function libxlPath({ domid, kind, handle }: DeviceAddress): string {
  return `/libxl/${domid}/device/${kind}/${handle}`;
}

/** Where xenbus_dev_fatal leaves its message. */
export function errorPath(address: DeviceAddress): string {
  return `${domainPath(BACKEND_DOMID)}/error/backend/${address.kind}/${address.domid}/${address.handle}`;
}

export function writeDirectories(store: XenStore, address: DeviceAddress, driver: BackendDriver): void {
  const { domid } = address;
  const guests: readonly Permission[] = [
    { access: 'n', domid },
    { access: 'r', domid: BACKEND_DOMID },
  ];
  const hosts: readonly Permission[] = [
    { access: 'n', domid: BACKEND_DOMID },
    { access: 'r', domid },
  ];
  const backend: Entries = [
    ['frontend-id', String(domid)],
    ['online', '1'],
    ['state', String(XenbusStateInitialising)],
    ...driver.backendEntries,
  ];
  // The copy is for tools alone: its nodes take their permissions from /libxl.
  writeDirectory(store, libxlPath(address), undefined, [
    ['frontend', frontendPath(address)],
    ['backend', backendPath(address)],
    ...backend,
  ]);
  writeDirectory(store, backendPath(address), hosts, [['frontend', frontendPath(address)], ...backend]);
  // Last, so that a guest that watches its `device` finds everything there.
  writeDirectory(store, frontendPath(address), guests, [
    ['backend', backendPath(address)],
    ['backend-id', String(BACKEND_DOMID)],
    ['state', String(XenbusStateInitialising)],
    ...driver.frontendEntries,
  ]);
}

/** libxl__device_destroy. */
export function removeDirectories(store: XenStore, address: DeviceAddress): void {
  for (const path of [frontendPath(address), backendPath(address), libxlPath(address), errorPath(address)]) {
    if (store.read(path) !== undefined) store.hostRemove(path);
  }
}

function writeDirectory(
  store: XenStore,
  path: string,
  permissions: readonly Permission[] | undefined,
  entries: Entries,
): void {
  store.hostWrite(path, '', permissions);
  for (const [name, value] of entries) store.hostWrite(`${path}/${name}`, value);
}
