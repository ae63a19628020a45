// SPDX-License-Identifier: Apache-2.0
import type { MqttMessage } from './carrier.ts'
import type { MqttProperties } from './client.ts'
import { createMqttShim, type MqttOptions, type MqttShim } from './options.ts'
import { outgoing } from './publish-carried.ts'

/** A will as it is given to `connect`. */
export interface MqttWill {
  readonly topic: string
  readonly payload?: unknown
  readonly properties?: MqttProperties | undefined
}

/**
 * Options for `connect` whose will carries the ids of the work in progress, or new ones: `connect(url, carryWill({ will: … }))`. All deaths of that client
 * have one id then; a class or module that is instrumented before its clients are made gives each connection its own.
 */
export function carryWill<
  Options extends { readonly will?: MqttWill | undefined; readonly protocolVersion?: number | undefined },
>(options: Options, shimOptions: MqttOptions = {}): Options {
  const { will } = options
  if (will === undefined) return options
  return { ...options, will: willWithIds(createMqttShim(shimOptions), will, options.protocolVersion === 5) }
}

/** The will with ids in it, in a new object. */
export function willWithIds<Will extends MqttWill>(shim: MqttShim, will: Will, isV5: boolean): Will {
  const { topic, payload = '', properties } = will
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) return will
  const message: MqttMessage = { topic, payload, properties, isV5 }
  const { sent } = outgoing(shim, message)
  return {
    ...will,
    ...(sent.payload === payload ? {} : { payload: sent.payload }),
    ...(sent.properties === properties ? {} : { properties: sent.properties }),
  }
}
