// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { currentRequestID, runWithContext } from '../../context.ts'
import { bindEmitter, bindListener, bindListeners } from './index.ts'

const at = <Result>(request_id: string, work: () => Result): Result => runWithContext({ request_id }, work)

describe('listeners run', () => {
  test('in the context of whoever made the emitter, whoever emits', async () => {
    const seen: unknown[] = []
    const emitter = new EventEmitter()
    const undo = at('r-1', () => bindEmitter(emitter))
    assert.equal(bindEmitter(emitter), undo, 'a second call changes nothing')
    const look = function (this: unknown, ...values: unknown[]): void {
      seen.push([this === emitter, values, currentRequestID()])
    }
    emitter.on('x', look)
    const isHeard = at('r-2', () => emitter.emit('x', 1, 2))
    assert.equal(emitter.emit('y'), false)
    emitter.off('x', look)
    emitter.emit('x')
    const waited = at('r-3', async () => {
      await once(emitter, 'z')
      return currentRequestID()
    })
    emitter.emit('z')
    undo()
    emitter.on('x', look)
    at('r-2', () => emitter.emit('x'))
    assert.deepEqual(
      [isHeard, seen, await waited],
      [
        true,
        [
          [true, [1, 2], 'r-1'],
          [true, [], 'r-2'],
        ],
        'r-3',
      ],
    )
    assert.throws(() => emitter.emit('error', new RangeError('no')), RangeError)
  })

  test('in that of whoever made an event target', () => {
    const target = new EventTarget()
    at('r-1', () => bindEmitter(target))
    const seen: unknown[] = []
    target.addEventListener('x', ({ type }) => seen.push([type, currentRequestID()]), { once: true })
    at('r-2', () => target.dispatchEvent(new Event('x')))
    target.dispatchEvent(new Event('x'))
    assert.deepEqual(seen, [['x', 'r-1']])
  })

  test('in that of whoever added them, and are removed by their own function', () => {
    const seen: unknown[] = []
    const emitter = new EventEmitter()
    const undo = bindListeners(emitter)
    assert.equal(bindListeners(emitter), undo)
    const look = (name: string): void => void seen.push([name, currentRequestID()])
    at('r-1', () => emitter.on('x', look))
    at('r-2', () => emitter.once('x', look))
    at('r-3', () => emitter.prependListener('x', look))
    assert.deepEqual(emitter.listeners('x'), [look, look, look])
    emitter.emit('x', 'first')
    emitter.removeListener('x', look)
    emitter.emit('x', 'second')
    emitter.off('x', look)
    assert.equal(emitter.emit('x', 'third'), false)
    undo()
    at('r-4', () => emitter.on('x', look))
    emitter.emit('x', 'fourth')
    assert.deepEqual(seen, [
      ['first', 'r-3'],
      ['first', 'r-1'],
      ['first', 'r-2'],
      ['second', 'r-3'],
      ['fourth', null],
    ])
  })

  test('20,000 requests that wait for shared emitters each go on under their own id', async () => {
    // Removing a listener of `once` walks through all of them: hence a hundred emitters.
    const pools = Array.from({ length: 100 }, () => new EventEmitter())
    for (const pool of pools) bindListeners(pool.setMaxListeners(0))
    let crossed = 0
    const one = (n: number): Promise<void> =>
      at(`r-${n}`, async () => {
        const { promise, resolve } = Promise.withResolvers<void>()
        pools[n % 100]?.once('free', () => {
          void sleep(n % 3).then(() => {
            if (currentRequestID() !== `r-${n}`) crossed++
            resolve()
          })
        })
        return promise
      })
    const all = Array.from({ length: 20_000 }, (_, n) => one(n))
    at('another', () => pools.map((pool) => pool.emit('free')))
    await Promise.all(all)
    assert.equal(crossed, 0)
  })
})

test('a bound listener keeps its name, arity, this and arguments, and passes errors on', () => {
  const listener = function named(this: { readonly x: number }, y: number): number {
    return this.x + y
  }
  const bound = bindListener(listener)
  assert.deepEqual([bound.name, bound.length, bound.call({ x: 1 }, 2)], ['named', 1, 3])
  const failing = bindListener(() => {
    throw new RangeError('no')
  })
  assert.throws(failing, RangeError)
  assert.throws(() => bindListener(7 as never), TypeError)
  assert.throws(() => bindEmitter({} as never), TypeError)
  assert.throws(() => bindListeners({} as never), TypeError)
})
