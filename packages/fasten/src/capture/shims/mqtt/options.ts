// SPDX-License-Identifier: Apache-2.0
import type { Carrier, ReceiveOptions } from '../../carriers/carrier.ts'
import {
  createMessageRows,
  type BeginMessageRow,
  type MessageRowOptions,
} from '../../carriers/message-row.ts'
import { createMqttCarrier, type MqttCarrierOptions, type MqttMessage } from './carrier.ts'
import { compileTopicChoice, type TopicChoice } from './topic-filter.ts'

export interface MqttOptions
  extends MqttCarrierOptions, MessageRowOptions, Pick<ReceiveOptions, 'trustsSentinels'> {
  /** Topics whose messages leave no row; they keep their ids and contexts. Default none. Of no meaning without `records`. */
  readonly skip?: TopicChoice
  /**
   * Whether what is done with a retained message belongs to the request that published it, however long ago. Default true. With false it gets
   * an id of its own each time, and its rows name the old one in `inbound_request_id`.
   */
  readonly keepsRetainedIds?: boolean
}

/** The options, checked and compiled. */
export interface MqttShim {
  readonly carrier: Carrier<MqttMessage>
  readonly begin: BeginMessageRow
  readonly hasRows: boolean
  readonly trustsSentinels: boolean
  readonly keepsRetainedIds: boolean
  /** Set when the shim is taken out again: what cannot be found any more then passes on. */
  isOut: boolean
  /** Says once that the shim itself failed; messages go on without ids then. */
  warn(failure: unknown): void
}

/** Throws TypeError naming the option that is wrong or unknown. */
export function createMqttShim(options: MqttOptions = {}): MqttShim {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('options: give an object or nothing')
  for (const name of Object.keys(options))
    if (!optionNames.has(name))
      throw new TypeError(`${name}: no such option; known are ${[...optionNames].join(', ')}`)
  const { trustsSentinels = false, keepsRetainedIds = true, records = false } = options
  for (const [name, value] of Object.entries({ trustsSentinels, keepsRetainedIds }))
    if (typeof value !== 'boolean') throw new TypeError(`${name}: give true or false`)
  return {
    carrier: createMqttCarrier(options),
    begin: createMessageRows(options, compileTopicChoice('skip', options.skip ?? false)),
    hasRows: records,
    trustsSentinels,
    keepsRetainedIds,
    isOut: false,
    warn: warnOnce(),
  }
}

const optionNames: ReadonlySet<string> = new Set<keyof MqttOptions>([
  'fasten',
  'records',
  'skip',
  'payload',
  'payloadBytesMax',
  'trustsSentinels',
  'keepsRetainedIds',
])

function warnOnce(): MqttShim['warn'] {
  let isSaid = false
  return (failure) => {
    if (isSaid) return
    isSaid = true
    process.emitWarning('the mqtt shim could not do its work; messages are passed on as they are', {
      type: 'FastenWarning',
      code: 'FASTEN_MQTT',
      detail: failure instanceof Error ? (failure.stack ?? failure.message) : String(failure),
    })
  }
}
