// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { uncleanAudit, uncleanEnvelope, uncleanSys } from './fixtures/unclean.ts'
import { createRedactor, detailBytesLimit, type UncleanApi, type UncleanAudit } from './redact.ts'

const redactor = createRedactor()
const { value } = redactor

const [envelope, audit, sys] = [uncleanEnvelope, uncleanAudit, uncleanSys]
const api: UncleanApi = {
  ...envelope,
  stream: 'api',
  method: 'GET',
  path: '/users/42',
  status: 200,
  duration_us: 5,
}

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

  test('stay when the redactor is off; personal data, safe forms and order do not depend on it', () => {
    const off = createRedactor({ isActive: false })
    assert.equal(off.isActive, false)
    assert.deepEqual(Object.entries(off.value({ password: 'x', a: '4111111111111111', b: 1n }) as object), [
      ['a', '4111111111111111'],
      ['b', '1'],
      ['password', 'x'],
    ])
    assert.deepEqual(off.audit({ ...audit, detail: { email: 'a@b' } }, { pii_in_detail: true }).detail, {
      _pii_in_detail: true,
      _redacted: '***',
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
    assert.match(target ?? '', /^(?:😀)+…$/u)
    assert.ok(Buffer.byteLength(JSON.stringify(target)) <= 768)
    // A key that shrinks to its mark brings what lies beyond the searched part into view, where a token was halved.
    const key = (size: number): string =>
      `-----BEGIN ${'PRIVATE'} KEY-----${'A'.repeat(size)}-----END ${'PRIVATE'} KEY----- seen `
    const lead = key(65_526 - key(0).length)
    const half = redactor.audit({
      ...audit,
      target: `${lead}${'ghp'}_${'B'.repeat(36)}${' more'.repeat(20)}`,
    }).target
    assert.equal(half, '***PRIVATE_KEY*** seen ')
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

test("nothing of the caller's is kept alive", async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const watch = (): readonly WeakRef<object>[] => {
    const [member, root] = [{ deep: { a: 1 } }, {}]
    value(Object.assign(root, { member, list: [member] }))
    return [new WeakRef(member), new WeakRef(root)]
  }
  const watched = watch()
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  assert.deepEqual(
    watched.map((reference) => reference.deref()),
    [undefined, undefined],
  )
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
