import { expect, test } from 'vitest';
import { formatMac, type MacAddress } from '../../../../emulator/net/mac-address.ts';
import { readDomainConfig } from '../../../../emulator/xen/toolstack/domain-config.ts';
import { parseVif } from '../../../../emulator/xen/toolstack/vif-config.ts';

/** Forms of xl-network-configuration(5). */
function parsed(text: string) {
  const read = parseVif(text);
  if (typeof read === 'string') throw new Error(read);
  const { mac, ...rest } = read.vif;
  return { ...rest, mac: mac === undefined ? undefined : formatMac(mac as MacAddress), warnings: read.warnings };
}

const DEFAULTS = { mac: undefined, bridge: 'xenbr0', name: undefined, devid: undefined, warnings: [] };

test('nothing at all is an interface on xenbr0', () => {
  expect(parsed('')).toEqual(DEFAULTS);
});

test('what a real configuration has', () => {
  expect(parsed('mac=00:16:3E:5e:6C:00, bridge=xenbr1,vifname=web0,type=vif,devid=3')).toEqual({
    mac: '00:16:3e:5e:6c:00',
    bridge: 'xenbr1',
    name: 'web0',
    devid: 3,
    warnings: [],
  });
});

test('what only a real dom0 can do is ignored, and said', () => {
  expect(parsed('script=vif-route,rate=10Mb/s,ip=10.0.0.1,model=e1000').warnings).toEqual([
    'script is ignored',
    'rate is ignored',
    'ip is ignored',
    'model is ignored',
  ]);
});

test.each([
  ['mac=00:16:3e', /mac=00:16:3e, which is not like/],
  ['mac=01:00:5e:00:00:01', /multicast/],
  ['bridge=', /no name/],
  ['bridge=a/b', /no name/],
  ['vifname=sixteenletters00', /no name/],
  ['type=ioemu', /"vif" only/],
  ['devid=256', /0 to 255/],
  ['devid=x', /0 to 255/],
  ['macc=00:16:3e:00:00:01', /unknown setting macc/],
])('%s is refused', (text, problem) => {
  expect(parseVif(text)).toMatch(problem);
});

test('the configuration file says where', () => {
  const read = () => readDomainConfig('kernel = "k"\nvif = [ "mac=1" ]', 'guest.cfg');
  expect(read).toThrow('guest.cfg:2:7: vif has mac=1, which is not like 00:16:3e:01:02:03.');
  expect(readDomainConfig('kernel="k"\nvif=["rate=1"]', 'g.cfg').warnings).toEqual(['g.cfg:2: vif: rate is ignored']);
});
