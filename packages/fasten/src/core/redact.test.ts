// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import {
  createRedactor,
  detailBytesLimit,
  type UncleanApi,
  type UncleanAudit,
  type UncleanSys,
} from './redact.ts'
import type { JsonValue } from './row.ts'

const redactor = createRedactor()
const { value } = redactor

const envelope = {
  canonical_form_id: '3',
  wire_version: '2',
  id: 'evt-01ARZ3NDEKTSV4RRFFQ69G5FAV',
  boot_id: '00000000000000aa',
  boot_seq: 0,
  timestamp: '2026-06-15T10:30:45.123456Z',
  service_id: 'shop',
  source_node_id: 'n1',
  request_id: 'abc',
} as const
const audit: UncleanAudit = {
  ...envelope,
  stream: 'audit',
  code: 'ORDER_PLACED',
  action: 'order.place',
  severity: 'info',
  domain: 'sales',
  category: 'order',
  actor: 'alice@example.com',
  actor_kind: 'user',
  target: 'order/42',
  method: 'http',
  outcome: 'success',
  retention_class: 'medium',
}
const sys: UncleanSys = { ...envelope, stream: 'sys', level: 'info', event: 'started' }
const api: UncleanApi = {
  ...envelope,
  stream: 'api',
  method: 'GET',
  path: '/users/42',
  status: 200,
  duration_us: 5,
}

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
    ['a Date far away', new Date(8.64e15), '+275760-09-13T00:00:00.000Z'],
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

describe('secrets', () => {
  test('by name, whatever the type, at any depth and in arrays', () => {
    assert.deepEqual(
      value({
        password: 1,
        token: null,
        secret: { a: 1 },
        cookie: ['x'],
        l1: { l2: [{ l3: { api_key: true, ok: 'visible' } }] },
        authorization: undefined,
      }),
      {
        cookie: '***',
        l1: { l2: [{ l3: { api_key: '***', ok: 'visible' } }] },
        password: '***',
        secret: '***',
        token: '***',
      },
    )
  })

  test('a counting name keeps numbers and hides text', () => {
    assert.deepEqual(
      value({
        prompt_tokens: 12,
        total_tokens: '345',
        max_tokens: 'abc',
        tokens: ['x', 1, { a: 'b', n: 2 }],
        has_password: true,
      }),
      {
        has_password: true,
        max_tokens: '***',
        prompt_tokens: 12,
        tokens: ['***', 1, { a: '***', n: 2 }],
        total_tokens: '345',
      },
    )
  })

  test('card numbers in numbers, by the name they stand under and the names above it', () => {
    assert.deepEqual(
      value({
        note: 4111111111111111,
        order_id: '4539578763621486',
        created_at: 4111111111111111,
        card: { number: '1000000000000008' },
        order: { number: '6800000000000009' },
        big: 4111111111111111n,
        ms: 1724234400129,
        half: 4111111111111.5,
      }),
      {
        big: '***CC***',
        card: { number: '***CC***' },
        created_at: 4111111111111111,
        half: 4111111111111.5,
        ms: 1724234400129,
        note: '***CC***',
        order: { number: '6800000000000009' },
        order_id: '***CC***',
      },
    )
  })

  test('in a key itself', () => {
    assert.deepEqual(value({ '4111111111111111': 1, 'x@y': 2 }), { '***CC***': 1, 'x@y': 2 })
    assert.deepEqual(
      value(
        new Map([
          ['4111111111111111', 1],
          ['4539578763621486', 2],
        ]),
      ),
      { '***CC***': 1, '***CC***~2': 2 },
    )
  })

  test('an allowed key lets its value through, except for the shape of a token', () => {
    const own = createRedactor({ allowKeys: ['next_page_token', 'order_id'] })
    assert.deepEqual(own.value({ next_page_token: 'abc', order_id: '4111111111111111', token: 'x' }), {
      next_page_token: 'abc',
      order_id: '4111111111111111',
      token: '***',
    })
    assert.deepEqual(own.value({ next_page_token: `${'AKIA'}IOSFODNN7EXAMPLE` }), {
      next_page_token: '***AWS_KEY***',
    })
  })

  test('stay when the redactor is off; safe forms and order do not depend on it', () => {
    const off = createRedactor({ isActive: false })
    assert.equal(off.isActive, false)
    assert.deepEqual(Object.entries(off.value({ password: 'x', a: '4111111111111111', b: 1n }) as object), [
      ['a', '4111111111111111'],
      ['b', '1'],
      ['password', 'x'],
    ])
    assert.deepEqual(off.audit({ ...audit, detail: { email: 'a@b' } }, { pii_in_detail: true }).detail, {
      email: 'a@b',
    })
  })
})

describe('rows', () => {
  test('an audit draft keeps its members; texts are searched in place', () => {
    const clean = redactor.audit({
      ...audit,
      target: 'card/4111111111111111',
      actor: `${'AKIA'}IOSFODNN7EXAMPLE`,
      reason: 'see https://u:pw@h',
      detail: { b: 1, a: 'x' },
      source: { user_agent: 'curl password=x', ip: '::1' },
      inbound_request_id: `${'ghp'}_${'a'.repeat(36)}`,
    })
    assert.deepEqual(clean, {
      ...audit,
      target: 'card/***CC***',
      actor: '***AWS_KEY***',
      reason: 'see https://u:***@h',
      detail: { a: 'x', b: 1 },
      source: { ip: '::1', user_agent: 'curl password=***' },
      inbound_request_id: '***GH_TOKEN***',
    })
    assert.equal(JSON.stringify(clean.detail), '{"a":"x","b":1}')
  })

  test('a detail that is no object stands under value', () => {
    const detail = (given: unknown): unknown => redactor.audit({ ...audit, detail: given }).detail
    assert.deepEqual([undefined, null, 'x', [1], 5n, new Map([['a', 1]])].map(detail), [
      {},
      {},
      { value: 'x' },
      { value: [1] },
      { value: '5' },
      { a: 1 },
    ])
  })

  test('a log line keeps the stack of an error, cleaned; an audit row does not', () => {
    const error = new Error('no route to postgres://u:pw@h')
    const clean = redactor.sys({ ...sys, event: 'failed with Bearer abcDEF123456', fields: { error } })
    const { message, stack } = clean.fields['error'] as { message: string; stack: string }
    assert.equal(clean.event, 'failed with Bearer ***')
    assert.equal(message, 'no route to postgres://u:***@h')
    assert.match(stack, /^Error: no route to postgres:\/\/u:\*\*\*@h\n +at /)
    assert.deepEqual(Object.keys(redactor.audit({ ...audit, detail: { error } }).detail['error'] as object), [
      'message',
      'name',
    ])
  })

  test('an access row is searched in path, actor, error and user agent', () => {
    const clean = redactor.api({
      ...api,
      path: '/reset/4111111111111111',
      route: '/reset/:n',
      actor: 'a',
      error: 'token=x',
      source: { user_agent: 'Bearer abcDEF123456' },
    })
    assert.deepEqual(clean, {
      ...api,
      path: '/reset/***CC***',
      route: '/reset/:n',
      actor: 'a',
      error: 'token=***',
      source: { user_agent: 'Bearer ***' },
    })
  })

  test('members of the wrong type become text', () => {
    const hostile = {
      ...audit,
      actor: 42,
      target: { password: 'x' },
      source: 'nowhere',
    } as unknown as UncleanAudit
    const clean = redactor.audit(hostile)
    assert.deepEqual([clean.actor, clean.target, clean.source], ['42', '{"password":"***"}', {}])
  })

  test('the draft that was given is not changed', () => {
    const given = Object.freeze({ ...audit, detail: Object.freeze({ password: 'x' }) })
    redactor.audit(given)
    assert.deepEqual(given.detail, { password: 'x' })
  })
})

describe('personal data', () => {
  test('a code that declares it keeps only what passes, redacted', () => {
    const clean = redactor.audit(
      { ...audit, detail: { email: 'a@b', mfa: true, token: 'x', note: '4111111111111111' } },
      { pii_in_detail: true, detail_passthrough_keys: ['mfa', 'token', 'note', 'absent'] },
    )
    assert.deepEqual(clean.detail, {
      _pii_in_detail: true,
      _redacted: '***',
      mfa: true,
      note: '***CC***',
      token: '***',
    })
    assert.equal(clean.pii_in_detail, true)
  })

  test('nothing is minimised to nothing without throwing', () => {
    for (const detail of [null, undefined, 'x', [1]]) {
      assert.deepEqual(redactor.audit({ ...audit, detail }, { pii_in_detail: true }).detail, {
        _pii_in_detail: true,
        _redacted: '***',
      })
    }
  })

  test('declared members are masked, through arrays, and others stay', () => {
    const detail = { user: { email: 'a@b', id: 1 }, items: [{ owner: 'x', n: 1 }, { n: 2 }], email: null }
    const clean = redactor.audit(
      { ...audit, detail },
      { pii: ['detail.user.email', 'detail.items.owner', 'detail.email', 'detail.absent', 'actor'] },
    )
    assert.deepEqual(clean.detail, {
      email: '***',
      items: [{ n: 1, owner: '***' }, { n: 2 }],
      user: { email: '***', id: 1 },
    })
    assert.equal(clean.actor, 'alice@example.com')
    assert.equal('pii_in_detail' in clean, false)
    assert.deepEqual(redactor.audit({ ...audit, detail }, { pii: ['detail'] }).detail, {
      _pii_in_detail: true,
      _redacted: '***',
    })
  })
})

describe('limits fail closed', () => {
  const small = createRedactor({ detailBytesMax: 256 })

  test('a detail that is too large becomes a summary without values', () => {
    const detail = { note: 'x'.repeat(300), password: 'p', items: [] }
    const { _truncated_bytes: bytes, ...rest } = small.audit({ ...audit, detail }).detail
    assert.deepEqual(rest, {
      _max_detail_bytes: 256,
      _summary: 'object with 3 members: note, password, items',
      _truncated: true,
    })
    assert.ok(typeof bytes === 'number' && bytes > 256 && bytes <= JSON.stringify(detail).length)
  })

  test('the limit counts bytes of JSON text exactly', () => {
    const bytes = (given: unknown): number => Buffer.byteLength(JSON.stringify(given))
    for (const unit of ['x', 'é', '⛰', '😀', '\u0001', '"']) {
      const per = bytes(unit) - 2
      const fits = { n: unit.repeat(Math.floor((256 - 8) / per)) }
      assert.ok(bytes(fits) <= 256)
      assert.deepEqual(small.value(fits), fits, unit)
      const over = { n: `${fits.n}${'y'.repeat(256 - bytes(fits) + 1)}` }
      assert.equal((small.value(over) as Record<string, unknown>)['_truncated'], true, unit)
      assert.equal((small.value(over) as Record<string, unknown>)['_truncated_bytes'], bytes(over), unit)
    }
  })

  test('many keys, many items, shared branches and endless iterators end', () => {
    const keys = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`k${index}`, index]))
    let shared: unknown = { leaf: 1 }
    for (let level = 0; level < 30; level++) shared = { a: shared, b: shared }
    const endless = new Map()
    endless.entries = function* () {
      for (let index = 0; ; index++) yield [index, index]
    } as never
    for (const detail of [
      keys,
      Object.assign([], { length: 1e9 }),
      shared,
      endless,
      new Float64Array(1e6),
      'x'.repeat(1e6),
      { a: 'x'.repeat(1e6) },
    ]) {
      const result = redactor.audit({ ...audit, detail }).detail
      assert.equal(result['_truncated'], true)
      assert.ok(JSON.stringify(result).length < 2_000)
    }
  })

  test('a summary names no secret', () => {
    const result = small.value({ '4111111111111111': 'x'.repeat(300) }) as Record<string, unknown>
    assert.equal(result['_summary'], 'object with 1 members: ***CC***')
  })

  test('with everything at its limit a leaf has room', () => {
    const long = '\u0001'.repeat(10_000)
    const name = '😀'.repeat(64)
    const longest = {
      ...audit,
      service_id: name,
      source_node_id: name,
      tenant_id: name,
      request_id: 'r'.repeat(128),
      trace_id: 'a'.repeat(32),
      span_id: 'a'.repeat(16),
      caused_by: audit.id,
      code: 'C'.repeat(128),
      action: name,
      domain: name,
      category: name,
      method: 'x'.repeat(128),
      timestamp: audit.timestamp,
      actor: long,
      target: long,
      on_behalf_of: long,
      auth_method: long,
      session_id: long,
      target_kind: long,
      reason: long,
      change_ref: long,
      request_ref: long,
      call_ref: long,
      inbound_request_id: long,
      source: { ip: long, user_agent: long, device: long },
      detail: { d: 'x'.repeat(detailBytesLimit - 8) },
    }
    const clean = redactor.audit(longest, {})
    assert.equal('_truncated' in clean.detail, false)
    const place = {
      log: `${'%F0%9F%98%80'.repeat(64)}/`.repeat(3),
      monotonic_seq: Number.MAX_SAFE_INTEGER,
      prev_hash: 'a'.repeat(64),
    }
    assert.ok(Buffer.byteLength(JSON.stringify({ ...clean, ...place })) <= 65_535)
    const line = redactor.sys({
      ...sys,
      event: long,
      logger: long,
      fields: { d: 'x'.repeat(detailBytesLimit - 8) },
    })
    assert.ok(Buffer.byteLength(JSON.stringify({ ...line, ...place })) <= 65_535)
    const access = redactor.api({
      ...api,
      path: long,
      route: long,
      actor: long,
      error: long,
      method: long,
      source: longest.source,
    })
    assert.ok(Buffer.byteLength(JSON.stringify({ ...access, ...place })) <= 65_535)
  })

  test('a text that is cut ends in an ellipsis and in a whole character, and what was secret stays hidden', () => {
    const { target } = redactor.audit({ ...audit, target: `${'😀'.repeat(400)}` })
    assert.match(target, /^(?:😀)+…$/u)
    assert.ok(Buffer.byteLength(JSON.stringify(target)) <= 768)
    const half = redactor.audit({ ...audit, target: `${'x'.repeat(65_530)} password=abcdef` }).target
    assert.equal(half.includes('abc'), false)
  })

  test('an exhausted stack costs the detail, never the row', () => {
    const deepest = (): unknown => {
      try {
        return deepest()
      } catch {
        return redactor.audit({ ...audit, detail: { a: { b: 1 } } }).detail
      }
    }
    assert.equal(typeof deepest(), 'object')
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
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.constantFrom('password', 'a', 'b', '10', '9', '__proto__', 'toJSON', 'tokens', 'order_id'),
  )
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
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

describe('the work is linear', () => {
  test('every member is read once', () => {
    const reads = (size: number): number => {
      let count = 0
      const counted = (): object => {
        const object = {}
        for (const key of ['a', 'b', 'c'])
          Object.defineProperty(object, key, { enumerable: true, get: () => (count++, key) })
        return object
      }
      value(Array.from({ length: size }, counted))
      return count
    }
    assert.deepEqual([reads(10), reads(100), reads(1_000)], [30, 300, 3_000])
  })

  test('no text of any kind makes the searches take more than their share', () => {
    // Regular expressions cannot be counted from outside; their worst shape would need minutes here instead of a moment.
    const units = [
      'eyJ',
      'eyJ.',
      '.eyJa',
      'a://',
      'a://b:c',
      '://:@',
      '-----BEGIN ',
      '"a":',
      '"a',
      "'",
      'a=',
      'token=',
      '\\"',
      'authorization:',
      'bearer ',
      'sk-',
      'AKIA',
      'ghp_',
      '1 ',
      '11-',
      '=',
      'a.',
      'xoxb-',
    ]
    for (const unit of units) {
      const long = unit.repeat(Math.floor(200_000 / unit.length))
      assert.equal(typeof redactor.text(long), 'string')
    }
  })
})

test('options that make no sense are refused at once', () => {
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ replacement: 5 }, /replacement must be a string/],
    [{ detailBytesMax: 10 }, /detailBytesMax must be a whole number of bytes from 256 on, not 10/],
    [{ detailBytesMax: 1.5 }, /not 1\.5/],
    [{ extraKeys: 'pin' }, /extraKeys must be an array/],
    [{ allowKeys: [''] }, /allowKeys must be an array of non-empty strings/],
    [{ extraPatterns: [{ name: 'x', pattern: 'a', replacement: '' }] }, /an extra pattern is/],
  ]
  for (const [options, message] of refused)
    assert.throws(() => createRedactor(options), { name: 'TypeError', message })
  assert.doesNotThrow(() => createRedactor({ detailBytesMax: 10_000_000 }))
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
