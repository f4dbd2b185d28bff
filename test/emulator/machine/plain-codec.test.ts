import { describe, expect, test } from 'vitest';
import { decodePlain, encodePlain, PlainDataError } from '../../../emulator/machine/plain-codec.ts';
import { copyPlain, type PlainData, restoreFields, saveFields } from '../../../emulator/machine/plain-data.ts';

const everything: PlainData = {
  nothing: undefined,
  none: null,
  yes: true,
  no: false,
  numbers: [0, -0, 1, -1, 127, 128, 2 ** 32, 2 ** 51, -(2 ** 51), 2 ** 52 + 1, 2 ** 53 - 1, 1e300, 0.1],
  strange: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  texts: ['', 'numbers', 'é€😀', 'numbers'],
  map: new Map<PlainData, PlainData>([
    [1, 'one'],
    ['b', new Map([['deep', [new Set([1, 2])]]])],
  ]),
  arrays: [
    new Uint8Array([1, 255]),
    new Int8Array([-1]),
    new Uint16Array([65535]),
    new Int16Array([-2]),
    new Uint32Array([0xffffffff]),
    new Int32Array([-3]),
    new Float32Array([0.5]),
    new Float64Array([Number.NaN, -0, 2 ** 60]),
  ],
};

describe('plain data as bytes', () => {
  test('comes back from a Node Buffer that is a part of another, too', () => {
    const bytes = encodePlain(everything);
    const whole = Buffer.concat([Buffer.from([9, 9, 9]), bytes, Buffer.from([9])]);
    expect(decodePlain(whole.subarray(3, 3 + bytes.length))).toEqual(everything);
  });

  test('comes back equal, of the same types', () => {
    const back = decodePlain(encodePlain(everything));
    expect(back).toStrictEqual(everything);
    expect(Object.is((back as { numbers: number[] }).numbers[1], -0)).toBe(true);
    expect(encodePlain(back)).toEqual(encodePlain(everything));
  });

  test('every cut and every wrong byte is an error or other data, never a crash of another kind', () => {
    const bytes = encodePlain(everything);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodePlain(bytes.slice(0, length))).toThrow(PlainDataError);
    }
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] = 0xff;
      try {
        decodePlain(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(PlainDataError);
      }
    }
  });

  test('a bomb is refused', () => {
    expect(() => decodePlain(new Uint8Array(5000).fill(8).map((byte, at) => (at % 2 === 0 ? byte : 1)))).toThrow(
      /nested too deeply/,
    );
    expect(() => decodePlain(new Uint8Array([8, 0xff, 0xff, 0xff, 0x7f]))).toThrow(/announced/);
  });
});

class Sample {
  count = 1;
  readonly list = [1, 2];
  readonly map = new Map([['a', 1]]);
  readonly bytes = new Uint8Array(4);
  child: { deep: number } | undefined = { deep: 1 };
  readonly owner = this;
}

describe('fields', () => {
  test('are saved by value and restored into the same collections', () => {
    const sample = new Sample();
    const { list, map, bytes } = sample;
    const state = saveFields(sample, ['owner']);
    sample.count = 9;
    list.push(3);
    map.set('b', 2);
    bytes[0] = 7;
    sample.child = undefined;
    restoreFields(sample, state);
    expect(sample).toMatchObject({ count: 1, child: { deep: 1 } });
    expect([list, map, bytes[0]]).toEqual([[1, 2], new Map([['a', 1]]), 0]);
    list.push(4);
    expect(state.list).toEqual([1, 2]);
  });

  test('of another version are found out', () => {
    const { count: _count, ...less } = saveFields(new Sample(), ['owner']);
    expect(() => restoreFields(new Sample(), less, ['owner'])).toThrow('the state of Sample lacks count');
    const more = { ...saveFields(new Sample(), ['owner']), colour: 1 };
    expect(() => restoreFields(new Sample(), more, ['owner'])).toThrow('the state of Sample has colour');
  });

  test('that are no plain data are our bug, and it says where', () => {
    expect(() => saveFields(new Sample())).toThrow(/Sample\.owner is a Sample, not plain data/);
    expect(() => copyPlain({ deep: [() => 0] })).toThrow(/state\.deep\[0\] is a function/);
  });
});
