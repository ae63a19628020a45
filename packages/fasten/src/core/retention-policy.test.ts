// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { digest } from './fixtures/rows.ts'
import { parsePeriod, parseRetentionRules } from './retention-grammar.ts'
import {
  builtinClassDays,
  builtinPolicy,
  policyHash,
  policyText,
  retentionDays,
  shortenings,
  type RetentionFacts,
  type RetentionPolicy,
} from './retention-policy.ts'
import { retentionClasses } from './row.ts'

describe('retention policy', () => {
  test('periods: days, weeks, months, years, and nothing that could be taken for another', () => {
    const days = (text: string): unknown => parsePeriod(text)
    assert.deepEqual(['2555', '30d', '2w', '6mo', '7y', ' 1Y ', 'permanent'].map(days), [
      2555,
      30,
      14,
      180,
      2555,
      365,
      null,
    ])
    for (const bad of ['', '0', '0d', '-1d', '1.5y', '3m', '1h', '101y', '36501', '7 years', 'never', '1e3'])
      assert.equal(parsePeriod(bad), undefined, bad)
  })

  test('rules: class or code, for one tenant or all', () => {
    assert.deepEqual(
      parseRetentionRules('long=7y, ORDER_PAID=10y,PROBE_*=7d ,acme/long=permanent, a%2Fb/*=1y,'),
      [
        { of: 'long', days: 2555 },
        { of: 'ORDER_PAID', days: 3650 },
        { of: 'PROBE_*', days: 7 },
        { tenant_id: 'acme', of: 'long', days: null },
        { tenant_id: 'a/b', of: '*', days: 365 },
      ],
    )
    for (const bad of [
      'long',
      'long=',
      '=7y',
      'lng=7y',
      'order_paid=7y',
      'permanent=7y',
      'long=7y,long=8y',
      'a/b/long=1y',
      '%/long=1y',
    ])
      assert.equal(parseRetentionRules(bad), undefined, bad)
  })

  test('the narrowest rule wins, wherever it stands', () => {
    const rules =
      parseRetentionRules('ORDER_*=1y,ORDER_PAID=2y,*=3d,long=3y,acme/long=4y,acme/ORDER_*=5y') ?? []
    const daysOf = (facts: Partial<RetentionFacts>): unknown =>
      [rules, rules.toReversed()].map((each) =>
        retentionDays(
          { ...builtinPolicy, rules: each },
          { stream: 'audit', tenant_id: undefined, code: 'X', retention_class: 'short', ...facts },
        ),
      )
    assert.deepEqual(daysOf({ code: 'ORDER_PAID' }), [730, 730])
    assert.deepEqual(daysOf({ code: 'ORDER_SENT' }), [365, 365])
    assert.deepEqual(daysOf({ code: 'ORDER_PAID', tenant_id: 'acme', retention_class: 'long' }), [1825, 1825])
    assert.deepEqual(daysOf({ tenant_id: 'acme', retention_class: 'long' }), [1460, 1460])
    assert.deepEqual(daysOf({ retention_class: 'other' }), [3, 3])
  })

  test('a row is kept for the period of its class unless a rule fits it; unknown classes are kept', () => {
    fc.assert(
      fc.property(policies, facts, (policy, row) => {
        const days = retentionDays(policy, row)
        if (row.stream !== 'audit') return assert.equal(days, policy[row.stream])
        const fitting = policy.rules.filter(
          ({ tenant_id, of }) =>
            (tenant_id === undefined || tenant_id === row.tenant_id) &&
            (of === row.retention_class ||
              of === row.code ||
              (of.endsWith('*') && (row.code ?? '').startsWith(of.slice(0, -1)))),
        )
        if (fitting.length > 0) return assert.ok(fitting.some((rule) => rule.days === days))
        const known = retentionClasses.find((one) => one === row.retention_class)
        assert.equal(days, known === undefined ? null : policy.classes[known])
      }),
    )
  })

  test('one policy has one text and one hash, however its rules are ordered', () => {
    fc.assert(
      fc.property(policies, policies, (one, other) => {
        const turned = { ...one, rules: one.rules.toReversed() }
        assert.equal(policyHash(turned, digest), policyHash(one, digest))
        const isSame = policyText(one) === policyText(other)
        assert.equal(policyHash(one, digest) === policyHash(other, digest), isSame)
      }),
    )
    assert.equal(
      policyText(builtinPolicy),
      '{"api":null,"classes":{"long":1095,"medium":180,"permanent":null,"regulated":2555,"short":30},"rules":[],"sys":null}',
    )
  })

  test('what is kept less long than the classes promise is named', () => {
    const rules = parseRetentionRules('long=7y,acme/long=1y,PROBE_*=7d,short=60d') ?? []
    const classes = { ...builtinClassDays, medium: 90, regulated: 3650 }
    assert.deepEqual(shortenings({ ...builtinPolicy, classes, rules }), [
      'medium=90d',
      'acme/long=365d',
      'PROBE_*=7d',
    ])
    assert.deepEqual(shortenings(builtinPolicy), [])
  })
})

const days = fc.option(fc.integer({ min: 1, max: 36_500 }), { nil: null })
const code = fc.constantFrom('ORDER_PAID', 'ORDER_SENT', 'PROBE', 'LOGIN')
const policies: fc.Arbitrary<RetentionPolicy> = fc.record({
  classes: fc.record({
    short: days,
    medium: days,
    long: days,
    regulated: days,
    permanent: fc.constant(null),
  }),
  rules: fc.uniqueArray(
    fc.record(
      {
        tenant_id: fc.constantFrom('acme', 'other'),
        of: fc.oneof(code, fc.constantFrom('ORDER_*', 'PR*', '*', 'short', 'long')),
        days,
      },
      { requiredKeys: ['of', 'days'] },
    ),
    { selector: ({ tenant_id, of }) => `${tenant_id ?? ''}/${of}`, maxLength: 6 },
  ),
  sys: days,
  api: days,
})
const facts: fc.Arbitrary<RetentionFacts> = fc.record({
  stream: fc.constantFrom('audit', 'sys', 'api'),
  tenant_id: fc.constantFrom('acme', 'other', undefined),
  code: fc.option(code, { nil: undefined }),
  retention_class: fc.constantFrom(...retentionClasses, 'unheard_of', undefined),
})
