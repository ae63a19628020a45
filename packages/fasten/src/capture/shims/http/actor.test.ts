// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { currentContext, extendContext } from '../../context.ts'
import { setActor } from './actor.ts'
import { recording } from './fixtures/capture-view.ts'
import { createHttpShim, type HttpOptions } from './options.ts'
import { withRequest } from './with-request.ts'

const request = { method: 'GET', target: '/', headers: {} }

/** Runs `work` in a request and gives the context it ended with. */
function inRequest(
  work: () => void,
  options: HttpOptions = {},
): { context: Record<string, unknown>; actor: string | undefined } {
  const { fasten, rows } = recording()
  const context = withRequest(createHttpShim({ fasten, ...options }), request, () => {
    work()
    return { ...currentContext() }
  })
  return { context, actor: rows[0]?.actor }
}

describe('setActor', () => {
  test('a string is a user, an object is taken as it is, in either spelling', () => {
    const plain = inRequest(() => assert.equal(setActor('alice'), true))
    assert.deepEqual(
      [plain.context['actor'], plain.context['actor_kind'], plain.actor],
      ['alice', 'user', 'alice'],
    )
    const given = inRequest(() =>
      setActor({ actor: 'svc', actorKind: 'service', onBehalfOf: 'bob', session_id: 's', tenantId: 't' }),
    )
    assert.deepEqual(
      ['actor', 'actor_kind', 'on_behalf_of', 'session_id', 'tenant_id'].map((name) => given.context[name]),
      ['svc', 'service', 'bob', 's', 't'],
    )
  })

  test('called again it adds; another actor starts afresh', () => {
    const both = inRequest(() => {
      setActor({ actor: 'alice', session_id: 's1' })
      setActor({ auth_method: 'totp' })
      setActor({ actor: 'alice', actor_kind: 'admin' })
    })
    assert.deepEqual(
      ['actor', 'actor_kind', 'session_id', 'auth_method'].map((name) => both.context[name]),
      ['alice', 'admin', 's1', 'totp'],
    )
    const other = inRequest(() => {
      setActor({ actor: 'alice', actor_kind: 'admin', session_id: 's1', auth_method: 'totp', tenant_id: 't' })
      setActor({ actor: 'bob' })
    })
    assert.equal(other.actor, 'bob')
    assert.deepEqual(
      [
        other.context['actor'],
        other.context['tenant_id'],
        'actor_kind' in other.context,
        'session_id' in other.context,
        'auth_method' in other.context,
      ],
      ['bob', 't', false, false, false],
    )
  })

  test('said inside an extended context it reaches that context and the request', () => {
    for (const options of [{}, { actor: () => undefined }]) {
      const { context, actor } = inRequest(() => {
        extendContext({ caused_by: 'evt-0' }, () => {
          setActor('alice')
          assert.deepEqual([currentContext()?.actor, currentContext()?.caused_by], ['alice', 'evt-0'])
        })
      }, options)
      assert.deepEqual([context['actor'], actor], ['alice', 'alice'])
    }
  })

  test('outside a request it does nothing and says so', () => {
    assert.equal(setActor('alice'), false)
  })

  test('a wrong member is a TypeError that names it', () => {
    for (const [name, facts] of [
      ['actor', { actor: 7 }],
      ['actor_kind', { actor: 'a', actor_kind: 'robot' }],
      ['session_id', { sessionId: {} }],
      ['actor', 5],
      ['actor', null],
    ] as const)
      assert.throws(() => setActor(facts as never), { name: 'TypeError', message: new RegExp(`^${name}: `) })
  })
})
