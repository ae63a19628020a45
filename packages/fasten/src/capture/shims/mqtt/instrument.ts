// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce, patchMethod } from '../patch.ts'
import { ours, type Method, type MqttClientLike } from './client.ts'
import { emitDelivered } from './emit-delivered.ts'
import { createMqttShim, type MqttOptions } from './options.ts'
import { publishCarried } from './publish-carried.ts'

/** A client, the class of clients, or a module that has the class as `MqttClient`. */
export type MqttTarget =
  | MqttClientLike
  | { readonly prototype: MqttClientLike }
  | { readonly MqttClient: { readonly prototype: MqttClientLike } }

/**
 * Puts the shim under a client, or under all clients of a class or module: what they publish carries the ids of the work it is published in, also when it
 * leaves later; what comes to them is worked on in a context of its own, in `message` listeners, `handleMessage` and all they start. Wills get their
 * ids at each connect. Nothing else of a client changes: listeners are the application's own functions, errors go where they went.
 *
 * Instrumented twice, the first options count. Returns a function that takes the shim out again. Throws TypeError for what is no client, and for wrong
 * options.
 */
export function instrumentMqtt(target: MqttTarget, options: MqttOptions = {}): () => void {
  const shim = createMqttShim(options)
  const place = placeOf(target)
  // A client whose class is instrumented.
  if (!known.has(place) && ours.has(place.publish)) return () => undefined
  return instrumentOnce(known, place, () => {
    const undos = [
      patchMethod(place, 'publish', (publish) => {
        return function (...values) {
          return publishCarried(shim, this as MqttClientLike, publish, values)
        }
      }),
      patchMethod(place, 'emit', (emit) => emitDelivered(shim, emit)),
      () => {
        shim.isOut = true
      },
    ]
    ours.add(place.publish)
    return undos
  })
}

const known = new WeakMap<Place, () => void>()

/** A client or the prototype of its class, as it is patched. */
interface Place {
  publish: Method
  emit: Method
}

function placeOf(target: MqttTarget): Place {
  const given: unknown = target
  const isThing = (typeof given === 'object' && given !== null) || typeof given === 'function'
  const candidates = !isThing
    ? []
    : 'MqttClient' in given
      ? [(given.MqttClient as { readonly prototype?: unknown } | undefined)?.prototype]
      : [given, (given as { readonly prototype?: unknown }).prototype]
  for (const candidate of candidates) if (isClient(candidate)) return candidate
  throw new TypeError(
    'instrumentMqtt: give a client of mqtt.js, the class MqttClient, or the module that has it',
  )
}

function isClient(value: unknown): value is Place {
  return (
    typeof value === 'object' &&
    value !== null &&
    'publish' in value &&
    typeof value.publish === 'function' &&
    'emit' in value &&
    typeof value.emit === 'function'
  )
}
