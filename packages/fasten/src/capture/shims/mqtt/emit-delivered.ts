// SPDX-License-Identifier: Apache-2.0
import { AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { runWithContext } from '../../context.ts'
import { patchMethod } from '../patch.ts'
import { ours, type Method, type MqttPacket } from './client.ts'
import { deliveryOf, ended, type Delivery, type Release } from './delivery.ts'
import type { MqttShim } from './options.ts'
import { willWithIds, type MqttWill } from './will.ts'

interface Receiving {
  handleMessage?: Method
  rawListeners(name: string): Function[]
}

/**
 * `emit` of a client: `message` listeners run in the context of the message, whoever added them and whenever. The listeners stay the application's own, so
 * they can be removed as they were added. What else a client emits passes through, after a look at packets that come and go.
 */
export function emitDelivered(shim: MqttShim, emit: Method): Method {
  const isPlain = emit === EventEmitter.prototype.emit
  return function (...values) {
    const [name, first, second, third] = values
    if (name === 'message' && typeof first === 'string' && isPayload(second)) {
      const packet = isPacket(third) ? third : undefined
      const delivery = attempt(shim, () => deliveryOf(shim, first, second, packet))
      if (delivery !== undefined)
        return deliver(delivery, this as Receiving, () =>
          shim.hasRows && isPlain
            ? tellListeners(this as Receiving, delivery, values.slice(1))
            : Reflect.apply(emit, this, values),
        )
    } else if (name === 'close') forget(this as Receiving)
    else if (name === 'packetreceive') attempt(shim, () => adoptHandleMessage(shim, this as Receiving))
    else if (name === 'packetsend') attempt(shim, () => carryInConnect(shim, first))
    return Reflect.apply(emit, this, values)
  }
}

/** A fault of ours must not cost the application its message. */
function attempt<Result>(shim: MqttShim, work: () => Result): Result | undefined {
  try {
    return work()
  } catch (failure) {
    shim.warn(failure)
    return undefined
  }
}

function deliver(delivery: Delivery, client: Receiving, emit: () => unknown): unknown {
  const release = delivery.hold()
  if (client.handleMessage !== undefined && ours.has(client.handleMessage)) acknowledging(client, delivery)
  try {
    return runWithContext(delivery.context, emit)
  } catch (failure) {
    release({ failure })
    throw failure
  } finally {
    release()
  }
}

/**
 * What the emitter does, and a look at what listeners return, so that the row knows of failures that come later. Only the promise of an async function is looked at:
 * nobody else can have it, so standing in for it takes no rejection from anybody who waits for it.
 */
function tellListeners(client: Receiving, delivery: Delivery, values: unknown[]): boolean {
  const listeners = client.rawListeners('message')
  for (const listener of listeners) {
    const result: unknown = Reflect.apply(listener, client, values)
    const { listener: inner = listener } = listener as { readonly listener?: unknown }
    if (result instanceof Promise && Object.prototype.toString.call(inner) === '[object AsyncFunction]')
      void ended(result, delivery.hold())
  }
  return listeners.length > 0
}

/** A `handleMessage` of the application's own is made to run in the context of its message; the library's does nothing but call back. */
function adoptHandleMessage(shim: MqttShim, client: Receiving): void {
  const { handleMessage } = client
  if (handleMessage === undefined || ours.has(handleMessage) || handleMessage === ofTheLibrary(client)) return
  const takeOut = patchMethod(client, 'handleMessage', (handle) => {
    return function (...values) {
      if (!shim.isOut) return handleCarried(shim, handle, this as object, values)
      takeOut()
      return Reflect.apply(handle, this, values)
    }
  })
  ours.add(client.handleMessage as Method)
}

function handleCarried(shim: MqttShim, handle: Method, client: object, values: unknown[]): unknown {
  const [packet, callback] = values
  const delivery = isPacket(packet)
    ? attempt(shim, () => deliveryOf(shim, packet.topic ?? '', packet.payload ?? '', packet))
    : undefined
  if (delivery === undefined || typeof callback !== 'function') return Reflect.apply(handle, client, values)
  const acknowledge = acknowledging(client, delivery)
  // Behind the callback the library goes on to the next packet, which is none of this message's business.
  const called = AsyncResource.bind((...results: unknown[]): unknown => {
    acknowledge(results[0] instanceof Error ? { failure: results[0] } : undefined)
    return Reflect.apply(callback, undefined, results)
  })
  try {
    return runWithContext(delivery.context, () => Reflect.apply(handle, client, [packet, called]))
  } catch (failure) {
    acknowledge({ failure })
    throw failure
  }
}

const unacknowledged = new WeakMap<object, Set<Release>>()

/** Holds a delivery until the application acknowledges it, or cannot any more. */
function acknowledging(client: object, delivery: Delivery): Release {
  if (delivery.acknowledge !== undefined) return delivery.acknowledge
  const waiting = unacknowledged.get(client) ?? new Set()
  unacknowledged.set(client, waiting)
  const release = delivery.hold()
  const acknowledge: Release = (failed) => {
    waiting.delete(acknowledge)
    release(failed)
  }
  waiting.add(acknowledge)
  delivery.acknowledge = acknowledge
  return acknowledge
}

/** What was not acknowledged before the connection was lost never will be; the broker sends it again. */
function forget(client: object): void {
  for (const acknowledge of unacknowledged.get(client) ?? [])
    acknowledge({ status: 499, error: 'ConnectionClosed' })
}

/** The `handleMessage` of the class that all others are made from. */
function ofTheLibrary(client: object): unknown {
  let found: unknown
  for (
    let place: object | null = client;
    place !== null;
    place = Object.getPrototypeOf(place) as object | null
  )
    if (Object.hasOwn(place, 'handleMessage')) found = (place as Receiving).handleMessage
  return found
}

/** A will is told to the broker with each connect; what is emitted is the packet about to be written. */
function carryInConnect(shim: MqttShim, packet: unknown): void {
  if (!isPacket(packet) || packet.cmd !== 'connect') return
  const connect = packet as { will?: MqttWill; readonly protocolVersion?: number }
  if (connect.will !== undefined)
    connect.will = willWithIds(shim, connect.will, connect.protocolVersion === 5)
}

function isPacket(value: unknown): value is MqttPacket {
  return typeof value === 'object' && value !== null
}

function isPayload(value: unknown): value is string | Uint8Array {
  return typeof value === 'string' || value instanceof Uint8Array
}
