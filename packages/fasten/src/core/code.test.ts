// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { builtinCodes, createCodeRegistry, membersThatDiffer, type CodeMetaInput } from './code.ts'

describe('register', () => {
  test('fills what is left out', () => {
    const registry = createCodeRegistry()
    registry.register('sales', { ORDER_PLACED: {} })
    assert.deepEqual(registry.metaOf('ORDER_PLACED'), {
      domain: 'sales',
      category: 'sales',
      action: 'order_placed',
      severity: 'info',
      description: '',
      emitter: '',
      retention_class: 'medium',
      high_volume: false,
      pii_in_detail: false,
      pii: [],
      declared_unused: false,
      detail_passthrough_keys: [],
      fail_closed: false,
    })
    assert.equal(registry.metaOf('ORDER_LOST'), undefined)
    assert.equal(registry.has('ORDER_PLACED'), true)
  })

  test("takes both spellings and keeps nothing of the caller's", () => {
    const registry = createCodeRegistry()
    const given = {
      id: 'USER_SEEN',
      retentionClass: 'short',
      highVolume: true,
      piiInDetail: true,
      declaredUnused: true,
      detailPassthroughKeys: ['a'],
      failClosed: true,
      detail: { required: ['a'], properties: { a: 'string' } },
    } as const satisfies CodeMetaInput
    const before = structuredClone(given)
    registry.register('user', { USER_SEEN: given })
    const meta = registry.metaOf('USER_SEEN')
    assert.deepEqual(given, before)
    assert.deepEqual(
      [
        meta?.retention_class,
        meta?.high_volume,
        meta?.pii_in_detail,
        meta?.declared_unused,
        meta?.detail_passthrough_keys,
        meta?.fail_closed,
      ],
      ['short', true, true, true, ['a'], true],
    )
    assert.notEqual(meta?.detail, given.detail)
    assert.ok(Object.isFrozen(meta) && Object.isFrozen(meta?.detail))
  })

  test('is all or nothing', () => {
    const registry = createCodeRegistry()
    assert.throws(() => registry.register('a', { GOOD: {}, bad: {} }), TypeError)
    assert.equal(registry.has('GOOD'), false)
  })

  test('does not mind the same code twice with the same meaning', () => {
    const registry = createCodeRegistry()
    registry.register('a', {
      ONE: { severity: 'warn', detail: { properties: { a: 'string', b: 'number' } } },
    })
    registry.register('a', {
      ONE: { detail: { properties: { b: 'number', a: 'string' } }, severity: 'warn' },
    })
    assert.deepEqual(registry.codes(), ['ONE'])
  })

  const wrong: readonly (readonly [string, string, unknown, RegExp])[] = [
    [
      'a name that is not upper case',
      'a',
      { orderPlaced: {} },
      /^cannot register a\/orderPlaced: a code is UPPER_SNAKE_CASE .* not "orderPlaced" \(did you mean "ORDER_PLACED"\?\)$/,
    ],
    [
      'a member nobody knows',
      'a',
      { ONE: { severty: 'info' } },
      /a\/ONE: unknown member "severty" \(did you mean "severity"\?\); known are id, domain, /,
    ],
    [
      'a severity nobody knows',
      'a',
      { ONE: { severity: 'warning' } },
      /severity must be one of debug, info, warn, error, critical, not "warning" \(did you mean "warn"\?\)/,
    ],
    [
      'a retention class nobody knows',
      'a',
      { ONE: { retention_class: 'lnog' } },
      /retention_class must be one of .* not "lnog" \(did you mean "long"\?\)/,
    ],
    [
      'a flag that is no flag',
      'a',
      { ONE: { pii_in_detail: 'yes' } },
      /pii_in_detail must be true or false, not "yes"/,
    ],
    ['another id', 'a', { ONE: { id: 'TWO' } }, /id is "TWO", but the code is named "ONE"/],
    ['another domain', 'a', { ONE: { domain: 'b' } }, /domain is "b", but the code is registered under "a"/],
    ['two spellings', 'a', { ONE: { highVolume: true, high_volume: true } }, /"high_volume" is given twice/],
    [
      'an entry that is no object',
      'a',
      { ONE: 'info' },
      /a code's entry is a mapping of members, not "info"/,
    ],
    ['a pointer to nothing', 'a', { ONE: { pii: ['actr'] } }, /pii names "actr" \(did you mean "actor"\?\)/],
    [
      'personal data for ever',
      'a',
      { ONE: { pii_in_detail: true, retention_class: 'permanent' } },
      /kept for ever may not hold personal data/,
    ],
    [
      'personal and passed through',
      'a',
      { ONE: { pii: ['detail.x'], detail_passthrough_keys: ['x'] } },
      /"x" is both declared personal and passed through/,
    ],
    [
      'a schema with an unknown type',
      'a',
      { ONE: { detail: { properties: { n: 'int' } } } },
      /unknown type "int"(?: \(did you mean "[a-z]+"\?\))?; known are string, number, integer/,
    ],
    [
      'a schema with an unknown word',
      'a',
      { ONE: { detail: { propertys: {} } } },
      /unknown word "propertys" in a detail schema \(did you mean "properties"\?\)/,
    ],
    ['a domain with a comma', 'a,b', { ONE: {} }, /^cannot register codes: the domain "a,b" has a comma/],
    ['our own domain', 'fasten', { ONE: {} }, /the domain "fasten" is fasten's own/],
    ['one of our own codes', 'a', { LOG_CREATED: {} }, /"LOG_CREATED" is one of fasten's own codes/],
    ['no codes at all', 'a', undefined, /takes an object of codes/],
  ]
  for (const [title, domain, codes, message] of wrong) {
    test(`refuses ${title}`, () => {
      assert.throws(() => createCodeRegistry().register(domain, codes as Record<string, CodeMetaInput>), {
        name: 'TypeError',
        message,
      })
    })
  }

  test('refuses a code that means something else already', () => {
    const registry = createCodeRegistry()
    registry.register('a', { ONE: {} })
    assert.throws(() => registry.register('b', { ONE: {} }), {
      message: /b\/ONE: "ONE" is already registered in the domain "a"/,
    })
    assert.throws(() => registry.register('a', { ONE: { severity: 'error' } }), {
      message: /already registered with another severity/,
    })
  })
})

describe('replaceAll', () => {
  test('swaps its own codes and leaves the registered ones', () => {
    const registry = createCodeRegistry()
    registry.register('a', { KEPT: {} })
    registry.replaceAll([{ domain: 'b', codes: { OLD: {}, SAME: {} } }])
    registry.replaceAll([
      { domain: 'c', codes: { NEW: {} } },
      { domain: 'b', codes: { SAME: { severity: 'error' } } },
    ])
    assert.deepEqual(registry.codes(), ['KEPT', 'NEW', 'SAME'])
    assert.equal(registry.metaOf('SAME')?.severity, 'error')
    registry.replaceAll([])
    assert.deepEqual(registry.codes(), ['KEPT'])
  })

  test('changes nothing when anything is wrong, and names everything that is', () => {
    const registry = createCodeRegistry()
    registry.register('a', { KEPT: {} })
    registry.replaceAll([{ domain: 'b', codes: { OLD: {} } }])
    const bad = [
      { domain: 'b', codes: { NEW: {}, KEPT: {} } },
      { domain: 'c', codes: { NEW: {}, WRONG: { severity: 'loud', nope: 1 } as unknown as CodeMetaInput } },
    ]
    assert.deepEqual(
      registry.problemsIn(bad).map(({ set, code, kind, path }) => [set, code, kind, path]),
      [
        [0, 'KEPT', 'DUPLICATE_CODE', []],
        [1, 'NEW', 'DUPLICATE_CODE', []],
        [1, 'WRONG', 'INVALID_KEY', ['nope']],
        [1, 'WRONG', 'INVALID_VALUE', ['severity']],
      ],
    )
    assert.throws(() => registry.replaceAll(bad), {
      name: 'TypeError',
      message: /cannot replace the catalogue b\/KEPT: /,
    })
    assert.deepEqual(registry.codes(), ['KEPT', 'OLD'])
  })
})

test("dump lists the application's codes, sorted, one line each", () => {
  const registry = createCodeRegistry()
  assert.equal(registry.dump(), '')
  registry.register('sales', { ORDER_PLACED: { severity: 'warn' }, CART_LEFT: {} })
  registry.register('auth', { LOGIN: { severity: 'error' } })
  assert.equal(registry.dump(), 'CART_LEFT,sales,info\nLOGIN,auth,error\nORDER_PLACED,sales,warn')
})

test('our own codes are there from the start and are in no list but their own', () => {
  const registry = createCodeRegistry()
  assert.deepEqual(registry.codes(), [])
  assert.deepEqual(registry.codes('builtin'), Object.keys(builtinCodes).sort())
  for (const code of registry.codes('builtin')) assert.equal(registry.metaOf(code)?.domain, 'fasten')
})

describe('problemsOf a detail', () => {
  const registry = createCodeRegistry()
  registry.register('a', {
    OPEN: {
      detail: {
        required: ['n'],
        properties: {
          n: 'integer',
          s: { type: ['string', 'null'] },
          e: { enum: ['x', 1] },
          l: { type: 'array', items: 'number' },
          o: { type: 'object', required: ['k'], properties: { k: 'boolean' } },
        },
      },
    },
    CLOSED: { detail: { properties: { name: 'string' }, additionalProperties: false } },
    PERSONAL: { pii_in_detail: true, detail: { properties: { e: { enum: ['a'] } } } },
    FREE: {},
  })

  test('is empty when it fits', () => {
    assert.deepEqual(
      registry.problemsOf('OPEN', { n: 1, s: null, e: 1, l: [1, 2.5], o: { k: true, more: 1 }, other: 1 }),
      [],
    )
    assert.deepEqual(registry.problemsOf('OPEN', { n: 5n, s: new Date() }), [])
    assert.deepEqual(registry.problemsOf('FREE', { anything: 1 }), [])
    assert.deepEqual(registry.problemsOf('NOBODY', { anything: 1 }), [])
    assert.deepEqual(registry.problemsOf('CLOSED', undefined), [])
  })

  test('names each member that does not', () => {
    assert.deepEqual(registry.problemsOf('OPEN', { n: 1.5, s: 1, e: 'y', l: [1, 'a'], o: {} }), [
      'detail.n must be an integer, not a number',
      'detail.s must be a string or null, not a number',
      'detail.e must be one of "x", 1, not "y"',
      'detail.l[1] must be a number, not a string',
      'detail.o.k is missing',
    ])
    assert.deepEqual(registry.problemsOf('OPEN', {}), ['detail.n is missing'])
    assert.deepEqual(registry.problemsOf('CLOSED', { nam: 1 }), [
      'detail.nam is not a member (did you mean "name"?)',
    ])
    assert.deepEqual(
      registry.problemsOf('PERSONAL', { e: 'alice' }),
      ['detail.e must be one of "a"'],
      'without the personal value',
    )
  })

  test('stops at sixteen', () => {
    assert.equal(registry.problemsOf('OPEN', { n: 1, l: Array(100).fill('x') }).length, 16)
  })
})

test('membersThatDiffer does not mind the order of keys', () => {
  const registry = createCodeRegistry()
  registry.register('a', {
    A: { detail: { properties: { a: 'string', b: 'string' } } },
    B: { detail: { properties: { b: 'string', a: 'string' } }, severity: 'warn', action: 'other' },
  })
  const [a, b] = [registry.metaOf('A'), registry.metaOf('B')]
  assert.ok(a && b)
  assert.deepEqual(membersThatDiffer(a, b), ['action', 'severity'])
})
