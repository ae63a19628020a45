// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { currentContext, currentRequestID } from '../../context.ts'
import { noteError } from './failure.ts'
import { recording } from './fixtures/capture-view.ts'
import { createHttpShim } from './options.ts'
import { withRequest } from './with-request.ts'

const facts = {
  method: 'PUT',
  target: 'https://user:secret@example.com/things/1?x#y',
  headers: { 'x-request-id': 'custom-1' },
  peerAddress: '198.51.100.1',
}

describe('withRequest', () => {
  test('work that answers at once leaves its row before it returns', () => {
    const { fasten, rows } = recording()
    const id = withRequest(createHttpShim({ fasten }), facts, (reply) => {
      Object.assign(reply, { status: 201, route: '/things/:id', bytes_out: 3 })
      assert.deepEqual(reply.headers, { 'x-request-id': 'custom-1' })
      return currentRequestID()
    })
    assert.equal(id, 'custom-1')
    const [row] = rows
    assert.deepEqual(
      { ...row, duration_us: 0, context: row?.context?.request_id },
      {
        method: 'PUT',
        path: '/things/1',
        route: '/things/:id',
        status: 201,
        duration_us: 0,
        bytes_out: 3,
        source: { ip: '198.51.100.1' },
        context: 'custom-1',
      },
    )
  })

  test('work that answers later leaves it when it settles, and a failure goes through', async () => {
    const { fasten, rows } = recording()
    const shim = createHttpShim({ fasten })
    const value = await withRequest(shim, facts, async () => {
      await sleep(1)
      assert.equal(rows.length, 0)
      return currentRequestID()
    })
    assert.equal(value, 'custom-1')
    await assert.rejects(
      withRequest(shim, facts, async () => Promise.reject(new RangeError('late'))),
      RangeError,
    )
    assert.throws(
      () =>
        withRequest(shim, facts, () => {
          throw new SyntaxError('now')
        }),
      SyntaxError,
    )
    await withRequest(shim, facts, async (reply) => {
      noteError(new EvalError('answered'))
      reply.status = 409
    })
    assert.deepEqual(
      rows.map(({ status, error }) => [status, error]),
      [
        [200, undefined],
        [500, 'RangeError'],
        [500, 'SyntaxError'],
        [409, 'EvalError'],
      ],
    )
  })

  test('what goes on after the end keeps the id and writes no second row', async () => {
    const { fasten, rows } = recording()
    const later = withRequest(createHttpShim({ fasten }), facts, () => ({
      done: sleep(2).then(() => currentContext()?.request_id),
    }))
    assert.equal(rows.length, 1)
    assert.equal(await later.done, 'custom-1')
    assert.equal(rows.length, 1)
  })
})

test('noteError outside a request does nothing and says so', () => {
  assert.equal(noteError(new Error('x')), false)
})
