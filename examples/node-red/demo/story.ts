// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'
import { setAtPanel } from './panel.ts'
import type { Server } from './server.ts'
import { createVisitors, type Answer } from './visitors.ts'

/** What happened, step by step, as the clients saw it. */
export interface Story {
  readonly wrongPassword: Answer
  /** The password that was typed wrongly; it must not be found anywhere afterwards. */
  readonly typedPassword: string
  readonly logIn: Answer & { readonly token: string }
  readonly viewerDeploys: Answer
  readonly deploy: Answer
  readonly setpoint: Answer
  /** Written by mistake into the body of the call; must not be found anywhere either. */
  readonly strayApiKey: string
  /** Three calls at once that queue up behind one valve. */
  readonly queued: readonly Answer[]
  readonly forged: Answer
  readonly stranger: Answer
  readonly outOfRange: Answer
  readonly calibration: Answer
  /** By MQTT; its id is the panel's own. */
  readonly panel: Answer
  readonly panelRequestId: string
  readonly report: Answer
}

/** The id the story sends where a client brings its own; anything in the allowed alphabet is honoured. */
const ownId = (what: string): string => `${what}-${randomBytes(3).toString('hex')}`

/** Plays the story against a running server, telling each step when it is done. Rejects only when the server cannot be reached. */
export async function playStory(server: Server, tell: (answer: Answer) => void): Promise<Story> {
  const visitors = createVisitors(server)
  const { editorPassword } = server.secrets
  const told = async <A extends Answer>(step: Promise<A>): Promise<A> => {
    const answer = await step
    tell(answer)
    return answer
  }

  const typedPassword = `${editorPassword}x`
  const wrongPassword = await told(
    visitors
      .logIn('admin', typedPassword)
      .then((answer) => ({ ...answer, label: 'admin mistypes the password' })),
  )
  const logIn = await told(visitors.logIn('admin', editorPassword))
  const viewer = await visitors.logIn('viewer', editorPassword, 'read')
  const viewerDeploys = await told(
    visitors
      .deploy(viewer.token, 'flows.json')
      .then((answer) => ({ ...answer, label: 'viewer tries to deploy flows' })),
  )
  const deploy = await told(
    visitors
      .deploy(logIn.token, 'flows.json')
      .then((answer) => ({ ...answer, label: 'admin deploys flows' })),
  )
  // The answer comes before the flows run; the first time was the empty set at start.
  await server.printed('Started flows', 2)

  const strayApiKey = `sk_live_${randomBytes(18).toString('hex')}`
  const setpoint = await told(
    visitors.setpoint(
      'ines',
      7,
      { celsius: 22.5, reason: 'batch 12 ferments warmer', note: { api_key: strayApiKey } },
      ownId('order-4711'),
    ),
  )
  const queued = await Promise.all(
    [31, 32, 33].map((celsius, i) =>
      visitors.setpoint('omar', 8 + i, { celsius, reason: `batch ${13 + i}` }),
    ),
  )
  for (const answer of queued) tell({ ...answer, label: `omar writes a setpoint, three at once` })
  const forged = await told(
    visitors
      .setpoint('ines', 11, { celsius: 40, reason: 'forged id' }, 'scheduler-nightly')
      .then((answer) => ({ ...answer, label: 'ines writes a setpoint under a forged id' })),
  )
  const stranger = await told(visitors.strangerSetpoint(7))
  const outOfRange = await told(
    visitors
      .setpoint('omar', 7, { celsius: 400 })
      .then((answer) => ({ ...answer, label: 'omar writes a setpoint of 400 °C' })),
  )
  const calibration = await told(visitors.calibrate('ines', 7))
  const panelRequestId = ownId('panel')
  const panel = await told(
    setAtPanel(
      server.mqttPort,
      { tank: 12, celsius: 61, operator: 'ines', reason: 'cleaning' },
      panelRequestId,
    ),
  )
  const report = await told(visitors.giveUpOnReport('omar', 250, ownId('report')))

  return {
    wrongPassword,
    typedPassword,
    logIn,
    viewerDeploys,
    deploy,
    setpoint,
    strayApiKey,
    queued,
    forged,
    stranger,
    outOfRange,
    calibration,
    panel,
    panelRequestId,
    report,
  }
}
