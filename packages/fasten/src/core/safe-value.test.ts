// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { uncleanAudit, uncleanSys } from './fixtures/unclean.ts'
import { createRedactor } from './redact.ts'
import type { JsonValue } from './row.ts'
import { codePoint } from './fixtures/code-point.ts'

const redactor = createRedactor()
const { value } = redactor

const [audit, sys] = [uncleanAudit, uncleanSys]

describe('safe forms', () => {
  const cyclic: Record<string, unknown> = { name: 'root' }
  cyclic['self'] = cyclic
  cyclic['list'] = [cyclic]
  class Point {
    x = 1
    get hidden(): number {
      return 2
    }
  }
  const forms: readonly (readonly [string, unknown, JsonValue])[] = [
    ['null', null, null],
    ['undefined', undefined, null],
    ['a member that is undefined', { a: undefined, b: 1 }, { b: 1 }],
    ['a hole and undefined in an array', Object.assign([undefined], { 2: 1 }), [null, null, 1]],
    ['BigInt', 12345678901234567890n, '12345678901234567890'],
    ['NaN and infinities', [NaN, Infinity, -Infinity, -0], ['NaN', 'Infinity', '-Infinity', 0]],
    [
      'large and small numbers',
      [1e21, 5e-324, 1.5e12, Number.MAX_SAFE_INTEGER, -1e15],
      [1e21, 5e-324, 1.5e12, Number.MAX_SAFE_INTEGER, -1e15],
    ],
    ['Date', new Date('2026-06-15T10:30:45.120Z'), '2026-06-15T10:30:45.120000Z'],
    ['an invalid Date', new Date(NaN), null],
    ['a Date far away', new Date(8.64e15 - 1), '+275760-09-12T23:59:59.999Z'],
    [
      'Map',
      new Map<unknown, unknown>([
        ['b', 1],
        [2, 'x'],
        [{}, 3],
        [null, 4],
        ['2', 5],
      ]),
      { '2': 'x', '2~2': 5, '[object]': 3, b: 1, null: 4 },
    ],
    ['Set', new Set([2, 'b', new Set([1])]), [2, 'b', [1]]],
    [
      'bytes',
      [Buffer.from('secret'), new Uint8Array(3), new ArrayBuffer(4), new DataView(new ArrayBuffer(5))],
      [{ bytes: 6 }, { bytes: 3 }, { bytes: 4 }, { bytes: 5 }],
    ],
    ['typed numbers', [new Float32Array([1.5, NaN]), new BigInt64Array([-1n])], [[1.5, 'NaN'], ['-1']]],
    ['a cycle', cyclic, { list: ['[circular]'], name: 'root', self: '[circular]' }],
    [
      'functions and symbols',
      { f: () => 1, s: Symbol('x'), [Symbol('key')]: 1 },
      { f: '[function]', s: '[symbol]' },
    ],
    [
      'boxed primitives',
      [new String('x'), new Number(1), new Boolean(false), Object(1n)],
      ['x', 1, false, '1'],
    ],
    ['a class instance', new Point(), { x: 1 }],
    ['RegExp', /a+/gi, '/a+/gi'],
    [
      'what cannot be looked into',
      [Promise.resolve(1), new WeakMap(), new WeakSet()],
      ['[promise]', '[weakmap]', '[weakset]'],
    ],
    ['Headers', new Headers({ 'x-a': '1', authorization: 'Bearer x' }), { authorization: '***', 'x-a': '1' }],
    ['URLSearchParams', new URLSearchParams('a=1&a=2&token=x'), { a: '1', 'a~2': '2', token: '***' }],
    ['URL', new URL('https://u:pw@h/x?token=abc'), 'https://u:***@h/x?token=***'],
    ['toJSON', { a: { toJSON: () => ({ password: 'x', n: 1 }) } }, { a: { n: 1, password: '***' } }],
    [
      'toJSON that throws',
      {
        a: {
          toJSON: () => {
            throw new TypeError('no')
          },
        },
      },
      { a: '[unreadable]' },
    ],
    ['toJSON that answers a Map', { toJSON: () => new Map([['a', 1]]) }, { a: 1 }],
    ['a member named toJSON', { toJSON: 'x', a: 1 }, { a: 1, toJSON: 'x' }],
    [
      'a getter that throws',
      {
        get a(): never {
          throw new TypeError('no')
        },
        b: 1,
      },
      { a: '[unreadable]', b: 1 },
    ],
    [
      'values of another realm',
      runInNewContext(
        `({ d: new Date(0), m: new Map([['k', 1]]), s: new Set([1]), e: new RangeError('x'), o: { b: 1, a: [] } })`,
      ),
      {
        d: '1970-01-01T00:00:00.000000Z',
        e: { message: 'x', name: 'RangeError' },
        m: { k: 1 },
        o: { a: [], b: 1 },
        s: [1],
      },
    ],
    ['an object without prototype', Object.assign(Object.create(null), { b: 1, a: 2 }), { a: 2, b: 1 }],
    ['an error', new TypeError('bad'), { message: 'bad', name: 'TypeError' }],
    [
      'an error with code, cause and members',
      Object.assign(new Error('x', { cause: new Error('y') }), {
        code: 'EIO',
        errno: -5,
        socket: {},
        password: 'p',
      }),
      {
        cause: { message: 'y', name: 'Error' },
        code: 'EIO',
        errno: -5,
        message: 'x',
        name: 'Error',
        password: '***',
      },
    ],
    [
      'an aggregate error',
      new AggregateError([new Error('a')], 'both'),
      { errors: [{ message: 'a', name: 'Error' }], message: 'both', name: 'AggregateError' },
    ],
    ['lone surrogates in keys and values', { ['a\ud800']: '\udfff' }, { 'a\ufffd': '\ufffd' }],
    ['keys that become equal', { ['a\ud800']: 1, ['a\ud801']: 2 }, { 'a\ufffd': 1, 'a\ufffd~2': 2 }],
  ]
  for (const [title, given, expected] of forms) test(title, () => assert.deepEqual(value(given), expected))

  test('deeper than 32 levels', () => {
    let deep: unknown = 'bottom'
    for (let level = 0; level < 40; level++) deep = { d: deep }
    let found: unknown = value(deep)
    let levels = 0
    while (typeof found === 'object' && found !== null) {
      found = (found as { d: unknown }).d
      levels++
    }
    assert.deepEqual([levels, found], [33, '[depth]'])
  })

  test('a key called __proto__ stays data', () => {
    const result = value(JSON.parse('{"__proto__":{"admin":true},"a":1}')) as object
    assert.equal(JSON.stringify(result), '{"__proto__":{"admin":true},"a":1}')
    assert.equal(Object.getPrototypeOf(result), Object.prototype)
    assert.equal('admin' in result, false)
  })

  test("what somebody put on Object.prototype is nobody's member", () => {
    value({ a: 1, b: 2 })
    Reflect.set(Object.prototype, 'b', 'polluted')
    try {
      assert.deepEqual(Object.keys(value({ a: 1 }) as object), ['a'])
      assert.deepEqual(Object.keys(value({ a: 1, c: { d: 1 } }) as object), ['a', 'c'])
    } finally {
      delete (Object.prototype as Record<string, unknown>)['b']
    }
  })

  test("nothing of the caller's is handed on", () => {
    const given = { list: [{ a: 1 }], nested: { b: 2 } }
    const result = value(given) as typeof given
    given.list[0] = { a: 9 }
    given.nested.b = 9
    assert.deepEqual(result, { list: [{ a: 1 }], nested: { b: 2 } })
  })
})

describe('hostile values never throw', () => {
  const trap = (): never => {
    throw new TypeError('trap')
  }
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const hostile: Readonly<Record<string, unknown>> = {
    'a revoked proxy': revoked.proxy,
    'a proxy that throws on keys': new Proxy({}, { ownKeys: trap }),
    'a proxy that throws on reading': new Proxy({ a: 1 }, { get: trap }),
    'a proxy that throws on its prototype': new Proxy({}, { getPrototypeOf: trap }),
    'a proxy that throws on everything': new Proxy({}, new Proxy({}, { get: () => trap })),
    'a proxy that is endless': (function endless(): unknown {
      return new Proxy(
        {},
        {
          get: () => endless(),
          ownKeys: () => ['a'],
          getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true }),
        },
      )
    })(),
    'an array proxy with a lying length': new Proxy([], {
      get: (_, key) => (key === 'length' ? Infinity : key),
    }),
    'an array proxy with a length that is no number': new Proxy([], { get: () => ({ valueOf: trap }) }),
    'a Map whose entries throw': Object.assign(new Map(), { entries: trap }),
    'an error whose message throws': Object.defineProperty(new Error('x'), 'message', { get: trap }),
    'a tag that throws': {
      get [Symbol.toStringTag]() {
        return trap()
      },
    },
    'a Date that is none': Object.create(Date.prototype),
    'a Map that is none': Object.create(Map.prototype),
    'a thrower of what cannot be read': {
      get a() {
        // oxlint-disable-next-line only-throw-error -- callers may throw anything
        throw new Proxy({}, { get: trap })
      },
    },
    'a toJSON that answers itself': {
      toJSON() {
        return this
      },
    },
    'a toJSON that answers ever more': (function more(): unknown {
      return { toJSON: () => more() }
    })(),
    'an error that is its own cause': (() => {
      const error = new Error('x')
      error.cause = error
      return error
    })(),
  }
  for (const [title, given] of Object.entries(hostile)) {
    test(title, () => {
      for (const shown of [given, { in: given }, [given]])
        assertSound(redactor.audit({ ...audit, detail: shown }, { pii_in_detail: false }).detail)
      assertSound(
        redactor.audit({ ...audit, detail: given }, { pii_in_detail: true, detail_passthrough_keys: ['a'] })
          .detail,
      )
      assertSound(redactor.sys({ ...sys, fields: given }).fields)
    })
  }

  test('a row emitted while a row is read does not disturb it', () => {
    const inner: unknown[] = []
    const outer = value({
      a: {
        x: 1,
        get y() {
          return inner.push(value({ p: { password: 1 }, q: [1, 2] }))
        },
        z: { z: 3 },
      },
      b: 2,
    })
    assert.deepEqual(outer, { a: { x: 1, y: 1, z: { z: 3 } }, b: 2 })
    assert.deepEqual(inner, [{ p: { password: '***' }, q: [1, 2] }])
  })
})

describe('for any value', () => {
  const names = fc.oneof(
    fc.string({ unit: codePoint, maxLength: 8 }),
    fc.constantFrom('password', 'a', 'b', '10', '9', '__proto__', 'toJSON', 'tokens', 'order_id'),
  )
  const texts = fc.oneof(
    fc.string({ unit: codePoint }),
    fc.constantFrom(
      '4111 1111 1111 1111',
      'redis://:x@h',
      'password=a b',
      '{"token":"x"}',
      'Bearer abc123456',
      '-----BEGIN PRIVATE KEY-----',
      '***',
      '4111111111111111',
    ),
    fc
      .array(
        fc.constantFrom(
          '4',
          '1',
          '11',
          ' ',
          '-',
          '.',
          'eyJ',
          'a',
          '=',
          '"',
          ':',
          '/',
          '@',
          'token',
          'sk-',
          '\\',
        ),
        { maxLength: 30 },
      )
      .map((parts) => parts.join('')),
  )
  const anything = fc.anything({
    key: names,
    values: [
      texts,
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.constant(undefined),
      fc.bigInt(),
    ],
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
    withTypedArray: true,
    maxDepth: 4,
  })

  test('the answer is JSON, sorted, well-formed, and the same when it is redacted again', () => {
    fc.assert(
      fc.property(anything, (given) => {
        const once = value(given)
        assertSound(once)
        assert.deepEqual(value(once), once)
        assert.equal(JSON.stringify(value(once)), JSON.stringify(once))
      }),
      { numRuns: 400 },
    )
  })

  test('prose is stable', () => {
    fc.assert(
      fc.property(texts, (given) => {
        const once = redactor.text(given)
        assert.equal(redactor.text(once), once)
        assert.ok(once.isWellFormed())
      }),
      { numRuns: 600 },
    )
  })
})

/** JSON only, keys ascending by code units (integer-like ones aside), no lone surrogate, nothing inherited. */
function assertSound(given: unknown, path = '$'): void {
  if (given === null || typeof given === 'boolean') return
  if (typeof given === 'string') return assert.ok(given.isWellFormed(), path)
  if (typeof given === 'number') return assert.ok(Number.isFinite(given) && !Object.is(given, -0), path)
  assert.equal(typeof given, 'object', path)
  if (Array.isArray(given)) {
    assert.equal(Object.keys(given).length, given.length, path)
    return given.forEach((item, index) => assertSound(item, `${path}[${index}]`))
  }
  assert.equal(Object.getPrototypeOf(given), Object.prototype, path)
  const keys = Object.keys(given as object)
  const rest = keys.filter((key) => !/^(?:0|[1-9]\d{0,9})$/.test(key) || Number(key) >= 2 ** 32 - 1)
  assert.deepEqual(rest, [...rest].sort(), path)
  for (const key of keys) {
    assert.ok(key.isWellFormed(), path)
    assertSound((given as Record<string, unknown>)[key], `${path}.${key}`)
  }
}
