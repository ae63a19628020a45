// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { registerHooks } from 'node:module'
import { test } from 'node:test'
import { instrumentOpenTelemetry } from './index.ts'

test('where the API is not installed, the error says what to do', () => {
  const hooks = registerHooks({
    resolve(specifier, resolution, next) {
      if (specifier === '@opentelemetry/api') throw new TypeError('not here')
      return next(specifier, resolution)
    },
  })
  try {
    assert.throws(() => instrumentOpenTelemetry(), {
      name: 'FastenError',
      code: 'OTEL_MISSING',
      hint: 'npm install @opentelemetry/api, or hand it in: instrumentOpenTelemetry({ api })',
    })
  } finally {
    hooks.deregister()
  }
  instrumentOpenTelemetry()()
})
