// SPDX-License-Identifier: Apache-2.0
import type { MqttDress, MqttParams, MqttResult } from '../cases/mqtt.ts'
import { alternate, type Rounds } from '../measure/alternate.ts'
import { runCase } from '../measure/child.ts'
import type { Goal } from '../measure/goals.ts'
import { medianOf, pairedRatio } from '../measure/ratio.ts'
import { figure, table } from '../measure/table.ts'
import type { Scale } from './scale.ts'

const names: Readonly<Record<MqttDress, string>> = {
  bare: 'mqtt.js, nothing else',
  shim: 'fasten/mqtt, ids carried and contexts kept',
  rows: 'fasten/mqtt, and two rows a message, counted and dropped',
  otel: 'OpenTelemetry by hand, two spans a message, ended and dropped',
}
const dresses = Object.keys(names) as MqttDress[]

export type MqttRounds = Rounds<MqttDress, MqttResult>

export function measureMqtt(scale: Scale): Promise<MqttRounds> {
  const messages = Math.ceil(scale.calls / 2)
  return alternate(dresses, { rounds: scale.rounds, warmRounds: scale.warmRounds }, (dress) =>
    runCase<MqttParams, MqttResult>('mqtt', { dress, messages }),
  )
}

export function mqttTable(rounds: MqttRounds): string {
  return table(
    ['messages through an aedes in the process, QoS 0', 'messages/s', 'beside bare ×', 'CPU µs a message'],
    dresses.map((dress) => [
      names[dress],
      figure(medianOf(rates(rounds[dress]))),
      pairedRatio(rates(rounds[dress]), rates(rounds.bare)).median.toFixed(3),
      figure(medianOf(rounds[dress].map(({ cpuMicros }) => cpuMicros))),
    ]),
  )
}

export function mqttGoals(rounds: MqttRounds): readonly Goal[] {
  const goal = (text: string, limit: number, found: Goal['found']): Goal => ({
    id: 'P5',
    text,
    sense: '≥',
    limit,
    unit: '×',
    found,
  })
  return [
    goal(
      'MQTT: the shim alone beside bare, messages/s',
      0.92,
      pairedRatio(rates(rounds.shim), rates(rounds.bare)),
    ),
    goal(
      'MQTT: the shim beside OpenTelemetry by hand, messages/s',
      1,
      pairedRatio(rates(rounds.shim), rates(rounds.otel)),
    ),
  ]
}

const rates = (results: readonly MqttResult[]): number[] => results.map(({ perSecond }) => perSecond)
