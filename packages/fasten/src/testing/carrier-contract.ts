// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as carriers from '../capture/carriers/carrier.ts'
import type { Carried, Carrier } from '../capture/carriers/carrier.ts'
import * as contexts from '../capture/context.ts'
import type { RequestContext } from '../capture/context.ts'
import { sentinelKinds } from '../core/ids.ts'

/** What the suite looks through. Given only where the carrier belongs to another copy of fasten than the suite does. */
export interface CarryingView {
  readonly currentContext: typeof contexts.currentContext
  readonly runWithContext: typeof contexts.runWithContext
  readonly carry: typeof carriers.carry
  readonly receive: typeof carriers.receive
}

export interface CarrierContractOptions extends Partial<CarryingView> {
  /** Cases that cannot hold for this transport, by title, each with the reason. */
  readonly skips?: Readonly<Record<string, string>>
}

/** One transport with its carrier. */
export interface CarrierHarness<Message> {
  readonly carrier: Carrier<Message>
  /** A message with this payload that nobody has put ids into. Text is what an application of this transport sends mostly; bytes are no text. */
  message(payload: string | Uint8Array): Message
  /** What the receiver gets of the payload: the bytes that the application gets to see. */
  payloadOf(message: Message): string | Uint8Array
  /**
   * The message as it arrives at the other end, through the real thing where there is one: a broker, a socket, a thread. Default: it arrives as it was
   * sent.
   */
  transmit?(message: Message): Promise<Message>
  /**
   * A message whose ids were put there by hand, as strangers do. Values are anything at all. Default: what `inject` makes of them, which is as much as
   * can be said without knowing the transport.
   */
  forged?(members: Readonly<Record<keyof Carried, unknown>>): Message
  /** Members that this transport has room for beside the request id. Default all. */
  readonly carries?: readonly (keyof Carried)[]
  /** A text payload of which the transport keeps the meaning, not the bytes (an id is written into it). Default false. */
  readonly rewritesText?: boolean
  /** Messages in the air together in the case about mixing them up. Default 2,000. */
  readonly interleaved?: number
  close?(): Promise<void>
}

/**
 * What every carrier promises, whatever the transport: the id arrives, hostile ids do no harm, what is there already stays, payloads are left
 * alone, and no two pieces of work ever share an id.
 */
export function describeCarrier<Message>(
  name: string,
  open: () => Promise<CarrierHarness<Message>>,
  options: CarrierContractOptions = {},
): void {
  const { currentContext, runWithContext, carry, receive, skips } = { ...contexts, ...carriers, ...options }
  const it = (
    title: string,
    work: (harness: CarrierHarness<Message>, t: TestContext) => Promise<void>,
  ): void => {
    test(title, { skip: skips?.[title] ?? false, timeout: 600_000 }, async (t) => {
      const harness = await open()
      try {
        await work(harness, t)
      } finally {
        await harness.close?.()
      }
    })
  }
  const through = async (harness: CarrierHarness<Message>, message: Message): Promise<Message> =>
    (await harness.transmit?.(message)) ?? message
  const forge = (
    harness: CarrierHarness<Message>,
    members: Readonly<Record<keyof Carried, unknown>>,
  ): Message => {
    if (harness.forged !== undefined) return harness.forged(members)
    const given = Object.entries(members).filter(([, value]) => value !== undefined)
    return harness.carrier.inject(harness.message('{}'), Object.fromEntries(given))
  }
  const look = (): RequestContext | undefined => {
    const context = currentContext()
    return context === undefined ? undefined : { ...context }
  }

  describe(`carrier contract: ${name}`, () => {
    it('what the sender works for is what the receiver works for', async (harness) => {
      const sender: RequestContext = {
        request_id: 'order-7:a.B_c',
        trace_id: 'a'.repeat(32),
        span_id: 'b'.repeat(16),
        trace_flags: 1,
        tracestate: 'vendor=one,other@tenant=2',
        baggage: 'region=eu;p=1,shop=7',
        caused_by: 'evt-01ARZ3NDEKTSV4RRFFQ69G5FAV',
      }
      const sent = runWithContext(sender, () => carry(harness.carrier, harness.message('{"celsius":21}')))
      const context = receive(harness.carrier, await through(harness, sent), look)
      assert.equal(context?.request_id, sender.request_id)
      assert.equal(context?.method, harness.carrier.method)
      assert.equal(context?.inbound_request_id, undefined)
      const has = (member: keyof Carried): boolean => harness.carries?.includes(member) ?? true
      if (has('traceparent')) {
        assert.deepEqual([context?.trace_id, context?.trace_flags], [sender.trace_id, 1])
        assert.match(context?.span_id ?? '', /^[0-9a-f]{16}$/)
        assert.notEqual(context?.span_id, sender.span_id, 'the receiver has a span of its own')
      }
      if (has('tracestate')) assert.equal(context?.tracestate, sender.tracestate)
      if (has('baggage')) assert.equal(context?.baggage, sender.baggage)
      if (has('caused_by')) assert.equal(context?.caused_by, sender.caused_by)
    })

    it('a message sent outside any request begins a thread of its own', async (harness) => {
      const ids = []
      for (const _ of [1, 2]) {
        const arrived = await through(harness, carry(harness.carrier, harness.message('{}')))
        ids.push(
          harness.carrier.extract(arrived).request_id,
          receive(harness.carrier, arrived, look)?.request_id,
        )
      }
      assert.match(ids[0] ?? '', /^[0-9a-f]{12}$/)
      assert.deepEqual([ids[0] === ids[1], ids[2] === ids[3], ids[0] === ids[2]], [true, true, false])
    })

    it('a message without an id gets one where it is received', async (harness) => {
      const message = await through(harness, harness.message('{}'))
      const [one, other] = [1, 2].map(() => receive(harness.carrier, message, look)?.request_id)
      assert.match(one ?? '', /^[0-9a-f]{12}$/)
      assert.notEqual(one, other)
    })

    it('what somebody put there on purpose stays', async (harness) => {
      const theirs = { ...nothingForged, request_id: 'theirs-1' }
      const sent = runWithContext({ request_id: 'ours-1' }, () =>
        carry(harness.carrier, forge(harness, theirs)),
      )
      const again = runWithContext({ request_id: 'ours-2' }, () => carry(harness.carrier, sent))
      const context = receive(harness.carrier, await through(harness, again), look)
      assert.equal(context?.request_id, 'theirs-1')
    })

    it('no id from outside does harm', async (harness) => {
      const hostile: readonly unknown[] = [
        'x'.repeat(10_000),
        'a b',
        'line\r\nX-Admin: yes',
        '\u0000\u001b[2J',
        'ünï',
        '\ud800',
        '../../etc/passwd',
        '${jndi:ldap://x}',
        '__proto__',
        'constructor',
        '',
        ' ',
        0,
        -1,
        NaN,
        true,
        null,
        [],
        ['a'],
        {},
        { toString: 'x' },
        ...sentinelKinds.map((kind) => `${kind}-svc-0123456789ab`),
      ]
      for (const value of hostile) {
        const forged = forge(harness, {
          ...nothingForged,
          request_id: value,
          traceparent: value,
          baggage: value,
        })
        const context = receive(harness.carrier, forged, look)
        const told = `${JSON.stringify(value)} became ${JSON.stringify(context)}`
        if (value === '__proto__' || value === 'constructor') assert.equal(context?.request_id, value, told)
        else assert.match(context?.request_id ?? '', /^[0-9a-f]{12}$/, told)
        assert.equal(context?.trace_id, undefined, told)
        assert.match(context?.inbound_request_id ?? '', /^[\x20-\x7e]{0,128}$/, told)
      }
    })

    it('ids of background work pass only where both ends are trusted', async (harness) => {
      const forged = forge(harness, { ...nothingForged, request_id: 'scheduler-svc-0123456789ab' })
      const strict = receive(harness.carrier, forged, look)
      assert.equal(strict?.inbound_request_id, 'scheduler-svc-0123456789ab')
      const trusting = receive(harness.carrier, forged, look, { trustsSentinels: true })
      assert.deepEqual(
        [trusting?.request_id, trusting?.inbound_request_id],
        ['scheduler-svc-0123456789ab', undefined],
      )
    })

    it('payloads arrive as they were sent', async (harness) => {
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
      const payloads: readonly (string | Uint8Array)[] = [
        bytes,
        new Uint8Array(),
        Buffer.from('{"a":1}\u0000', 'latin1'),
        '',
        'no json',
        '[1,2]',
        '"text"',
        '12345678901234567890',
        '{"a":12345678901234567890,"a":2,"__proto__":{"b":1}}',
      ]
      for (const payload of payloads) {
        const sent = runWithContext({ request_id: 'r-1' }, () =>
          carry(harness.carrier, harness.message(payload)),
        )
        const arrived = harness.payloadOf(await through(harness, sent))
        const isObject = typeof payload === 'string' && payload.startsWith('{')
        if (harness.rewritesText === true && isObject) continue
        assert.deepEqual(
          Buffer.from(arrived as string),
          Buffer.from(payload as string),
          `payload ${String(payload)}`,
        )
      }
    })

    it('what the work throws, rejects with or returns comes back, and its context ends with it', async (harness) => {
      const message = forge(harness, { ...nothingForged, request_id: 'r-2' })
      const failure = new TypeError('no')
      const before = currentContext()
      assert.throws(
        () =>
          receive(harness.carrier, message, () => {
            throw failure
          }),
        failure,
      )
      const rejected: Promise<unknown> = receive(harness.carrier, message, async () => {
        await sleep(1)
        throw failure
      })
      await assert.rejects(rejected, failure)
      assert.equal(
        receive(harness.carrier, message, () => 7),
        7,
      )
      const signal = AbortSignal.abort(failure)
      const cancelled: Promise<unknown> = receive(harness.carrier, message, async () =>
        sleep(10_000, undefined, { signal }),
      )
      await assert.rejects(cancelled, { name: 'AbortError' })
      assert.equal(currentContext(), before)
    })

    it('however many are in the air, no two share an id', async (harness, t) => {
      const count = harness.interleaved ?? 2_000
      t.diagnostic(`${count} messages in the air at once`)
      let crossed = 0
      const one = async (index: number): Promise<void> => {
        const request_id = `r-${index}`
        const sent = await runWithContext({ request_id }, async () => {
          await sleep(index % 3)
          return carry(harness.carrier, harness.message(JSON.stringify({ index })))
        })
        const arrived = await through(harness, sent)
        await receive(harness.carrier, arrived, async () => {
          for (let turn = 0; turn < 3; turn++) {
            if (currentContext()?.request_id !== request_id) crossed++
            await (turn === 1 ? sleep(index % 5) : new Promise((resolve) => setImmediate(resolve)))
          }
        })
      }
      await Promise.all(Array.from({ length: count }, (_, index) => one(index)))
      assert.equal(crossed, 0, `${crossed} of ${count * 3} looks saw another's id`)
    })
  })
}

const nothingForged = {
  request_id: undefined,
  traceparent: undefined,
  tracestate: undefined,
  baggage: undefined,
  caused_by: undefined,
} as const
