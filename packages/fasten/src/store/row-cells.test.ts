// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chain, genesis } from '../core/chain.ts'
import { columnNames, columnsOf } from '../core/columns.ts'
import { parseLogName } from '../core/log-name.ts'
import type { Draft, Row } from '../core/row.ts'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { spooled } from '../testing/store-contract.ts'
import { sha256 } from './platform.ts'
import { createRowCells } from './row-cells.ts'

const samples = createSampleDrafts({ tenant_id: 'acme' })
const readers = { audit: createRowCells('audit'), sys: createRowCells('sys'), api: createRowCells('api') }

/** The cells of a draft as row 0 of its log, and its leaf; `edit` changes the text of the draft first. */
function read(draft: Draft, edit: (text: string) => string = (text) => text) {
  const { log, text: whole } = spooled(draft)
  const text = new TextEncoder().encode(edit(new TextDecoder().decode(whole)))
  const parts = parseLogName(log)
  assert.ok(parts)
  const head = { log, size: 0, head_hash: genesis }
  const { leaf, hash } = chain(text, head, sha256)
  const { id, cells } = readers[draft.stream](leaf, hash, 7, {
    logId: 3,
    table: 't',
    parts,
    head,
    position: 0,
  })
  return { id, cells: [...cells], hash, leaf: Buffer.from(leaf).toString() }
}

test('the cells of a row are its place, its columns and its leaf, whatever row came before', () => {
  const drafts: Draft[] = [
    samples.audit(),
    samples.audit({
      actor: 'ünal "x"\n',
      pii_in_detail: true,
      target: '🚲',
      detail: { actor: 'y', '1': [{}] },
    }),
    samples.audit({ reason: 'r', on_behalf_of: 'u', trace_id: '0af7651916cd43dd8448eb211c80319c' }),
    samples.audit(),
    samples.sys(),
    samples.sys({ level: 'error', logger: '' }),
    samples.api(),
    samples.api({ status: 499, actor: 'a', duration_us: 0 }),
    createSampleDrafts().audit({ actor: '' }),
  ]
  for (const draft of drafts) {
    const { id, cells, hash, leaf } = read(draft)
    const columns = columnsOf(JSON.parse(leaf) as Row)
    assert.equal(id, draft.id)
    assert.deepEqual(cells, [7, 3, 0, hash, ...columnNames[draft.stream].map((name) => columns[name]), leaf])
  }
})

test('what would not verify or could not be ordered is refused', () => {
  const bad: readonly [draft: Draft, from: string, to: string, said: RegExp][] = [
    [samples.audit({ timestamp: '2031-03-01T10:00:00Z' }), '', '', /timestamp/],
    [samples.audit({ id: '' }), '', '', /no id/],
    [samples.sys({ request_id: '' }), '', '', /no request_id/],
    [samples.audit(), '"code":"ORDER_PLACED"', '"code":5', /code is a number/],
    [samples.api(), '"status":201', '"status":"201"', /status is a string/],
    [samples.audit(), '"qty":3', '"qty":3.0', /not canonical/],
    [samples.audit(), '"qty":3', '"qty": 3', /not canonical/],
    [samples.audit(), '"service_id":"gateway"', '"service_id":"other"', /another stream, service/],
    [samples.audit(), ',"tenant_id":"acme"', '', /another stream, service/],
  ]
  for (const [draft, from, to, said] of bad)
    assert.throws(() => read(draft, (text) => text.replace(from, to)), {
      code: 'DRAFT_MALFORMED',
      message: said,
    })
})
