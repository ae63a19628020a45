// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { canonicalize } from './canonical.ts'
import { chain } from './chain.ts'
import { anyDraft } from './fixtures/random-rows.ts'
import { digest } from './fixtures/rows.ts'
import { draftText, keepsInsertionOrder } from './leaf.ts'
import type { Clean, Draft, JsonValue } from './row.ts'

it('every draft, placed, is the canonical text of its row, whatever rows came before it', () => {
  fc.assert(
    fc.property(fc.array(anyDraft, { minLength: 1, maxLength: 4 }), (drafts) => {
      for (const draft of drafts) {
        const place = {
          log: `_/gateway/node-1/${draft.stream}`,
          monotonic_seq: 41,
          prev_hash: 'ab'.repeat(32),
        }
        const head = { log: place.log, size: 41, head_hash: place.prev_hash }
        const { leaf } = chain(new TextEncoder().encode(draftText(draft as Clean)), head, digest)
        assert.equal(
          new TextDecoder().decode(leaf),
          canonicalize({ ...draft, ...place } as unknown as JsonValue),
        )
      }
    }),
    { numRuns: 400 },
  )
})

it('a member that changes between two rows of one code changes in the text', () => {
  const [base] = fc.sample(
    anyDraft.filter((draft) => draft.stream === 'audit'),
    { numRuns: 1, seed: 1 },
  )
  assert.ok(base)
  for (const name of [
    'action',
    'actor_kind',
    'auth_method',
    'boot_id',
    'category',
    'domain',
    'method',
    'outcome',
    'retention_class',
    'service_id',
    'severity',
    'source_node_id',
  ]) {
    draftText(base as Clean)
    const changed = { ...base, [name]: 'changed' } as Draft
    assert.match(draftText(changed as Clean), new RegExp(`"${name}":"changed"`))
  }
  assert.match(draftText({ ...base, pii_in_detail: true } as Clean), /"pii_in_detail":true/)
})

it('half of a surrogate pair costs no row', () => {
  const [base] = fc.sample(anyDraft, { numRuns: 1, seed: 1 })
  assert.match(draftText({ ...base, tenant_id: 'a\ud800' } as Clean), /"tenant_id":"a\ufffd"/)
})

it('names that JavaScript would list first are noticed at any depth', () => {
  assert.equal(keepsInsertionOrder({ a: [{ b: 1 }], c: 'x' }), true)
  assert.equal(keepsInsertionOrder({ a: [{ '10': 1, '9': 2 }] }), false)
  assert.equal(keepsInsertionOrder({ a: { b: { '0': null } } }), false)
})
