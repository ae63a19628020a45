// SPDX-License-Identifier: Apache-2.0
import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** The part of the capture room the suite looks through; handed in, since rooms do not look at each other. */
export interface CaptureView {
  currentContext(): ContextView | undefined
  setActor(actor: { actor: string; actor_kind?: 'user'; auth_method?: string }): boolean
  propagationHeaders(): { readonly [name: string]: string }
  instrumentFetch(options: { hosts: readonly string[] }): () => void
  instrumentHttp(options: { hosts: readonly string[] }): () => void
}

export interface ContextView {
  readonly request_id: string
  readonly inbound_request_id?: string
  readonly trace_id?: string
  readonly span_id?: string
  readonly method?: string
  readonly source?: { readonly ip?: string; readonly user_agent?: string }
  readonly actor?: string
}

/** A call as a framework hands it to a handler. */
export interface ShimCall {
  param(name: string): string | undefined
  /** The body, read the way applications of this framework read it. */
  text(): Promise<string>
  /** Closes the connection without an answer; absent where a framework has no way to. */
  hangUp?(): void
}

export interface ShimAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** An iterable is sent as it comes, without a length. */
  readonly body?: string | AsyncIterable<string>
}

export interface ShimRoute {
  readonly method: 'GET' | 'POST'
  /** `/items/:id` style; every framework here writes it so. */
  readonly path: string
  handle(call: ShimCall): ShimAnswer | Promise<ShimAnswer>
}

class OutOfStock extends Error {}

/** What the suite's server answers; `seen` is given the contexts handlers ran in. */
export function routesOf(capture: CaptureView, seen: (ContextView | undefined)[]): readonly ShimRoute[] {
  const id = (): string | null => capture.currentContext()?.request_id ?? null
  const look = (): void => {
    const context = capture.currentContext()
    seen.push(context === undefined ? undefined : { ...context })
  }
  const item = (call: ShimCall): ShimAnswer => {
    look()
    return json({ id: call.param('id'), request_id: id() })
  }
  return [
    { method: 'GET', path: '/items/:id', handle: item },
    {
      method: 'GET',
      path: '/slow/:id',
      async handle(call) {
        await sleep(1)
        return item(call)
      },
    },
    {
      method: 'POST',
      path: '/echo',
      async handle(call) {
        look()
        const ids = [id()]
        const text = await call.text()
        ids.push(id())
        await sleep(1)
        ids.push(id())
        await new Promise((resolve) => setImmediate(resolve))
        ids.push(id())
        await new Promise<void>((resolve) => process.nextTick(resolve))
        ids.push(id())
        return json({ length: text.length, ids })
      },
    },
    { method: 'GET', path: '/empty', handle: () => ({ status: 204 }) },
    { method: 'GET', path: '/unchanged', handle: () => ({ status: 304 }) },
    { method: 'GET', path: '/teapot', handle: () => ({ status: 418, body: 'short and stout' }) },
    { method: 'GET', path: '/health', handle: () => (look(), { body: 'ok' }) },
    { method: 'GET', path: '/assets/app.js', handle: () => ({ body: '1' }) },
    { method: 'GET', path: '/assets/deep/app.css', handle: () => ({ body: '2' }) },
    { method: 'GET', path: '/last', handle: () => ({ body: 'last' }) },
    {
      method: 'GET',
      path: '/throw/now',
      handle() {
        throw new RangeError('the handler failed at once')
      },
    },
    {
      method: 'GET',
      path: '/throw/later',
      async handle() {
        await sleep(1)
        throw new OutOfStock('the handler failed later')
      },
    },
    {
      method: 'GET',
      path: '/stream/:parts',
      handle: (call) => ({ body: parts(Number(call.param('parts'))) }),
    },
    { method: 'GET', path: '/stream-ids', handle: () => ({ body: idLines(id) }) },
    {
      method: 'GET',
      path: '/hang',
      handle() {
        look()
        return new Promise<ShimAnswer>(() => undefined)
      },
    },
    {
      method: 'GET',
      path: '/hang-up',
      handle(call) {
        setTimeout(() => call.hangUp?.(), 1)
        return new Promise<ShimAnswer>(() => undefined)
      },
    },
    {
      method: 'GET',
      path: '/login/:name',
      async handle(call) {
        const before = capture.currentContext()?.actor ?? null
        capture.setActor({ actor: call.param('name') ?? '', actor_kind: 'user', auth_method: 'password' })
        const after = capture.currentContext()?.actor
        await sleep(1)
        return json({
          before: before === 'from the hook' ? null : before,
          after,
          later: capture.currentContext()?.actor,
        })
      },
    },
    {
      method: 'GET',
      path: '/everywhere',
      async handle() {
        const ids: Record<string, string | null> = { now: id() }
        await Promise.all([
          sleep(1).then(() => (ids['timer'] = id())),
          new Promise<void>((resolve) => setImmediate(() => resolve(void (ids['immediate'] = id())))),
          new Promise<void>((resolve) => process.nextTick(() => resolve(void (ids['tick'] = id())))),
          new Promise<void>((resolve) => queueMicrotask(() => resolve(void (ids['microtask'] = id())))),
          (async () => {
            await Promise.resolve()
            ids['promise'] = id()
          })(),
        ])
        return json(ids)
      },
    },
    {
      method: 'GET',
      path: '/call/:kind/:port',
      async handle(call) {
        const url = `http://127.0.0.1:${call.param('port')}/`
        if (call.param('kind') === 'fetch') await (await fetch(url)).text()
        else
          await new Promise<void>((resolve, reject) =>
            get(url, (answer) => answer.resume().once('end', resolve)).once('error', reject),
          )
        return json({})
      },
    },
  ]
}

function json(value: unknown): ShimAnswer {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}

async function* parts(count: number): AsyncIterable<string> {
  for (let part = 0; part < count; part++) {
    await sleep(part === 1 ? 15 : 1)
    yield `part ${part};`
  }
}

async function* idLines(id: () => string | null): AsyncIterable<string> {
  for (let line = 0; line < 3; line++) {
    await sleep(1)
    yield `${id()}\n`
  }
}
