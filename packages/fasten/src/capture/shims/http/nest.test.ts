// SPDX-License-Identifier: Apache-2.0
// oxlint-disable-next-line import/no-unassigned-import -- Nest reads what this puts on Reflect
import 'reflect-metadata'
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { describe, test } from 'node:test'
import { ConflictException, Controller, Get, Module, Param, Post, Req, Res } from '@nestjs/common'
import type { ExecutionContext, MiddlewareConsumer, NestModule } from '@nestjs/common'
import { BaseExceptionFilter, NestFactory } from '@nestjs/core'
import type { Request, Response } from 'express'
import { ask } from '../../../testing/http-client.ts'
import { describeHttpShim, untilTrue } from '../../../testing/http-shim-contract.ts'
import type { ShimRoute } from '../../../testing/http-shim-routes.ts'
import { currentRequestID } from '../../context.ts'
import { captureView, readableOf, recording } from './fixtures/capture-view.ts'
import { nestFilter, nestMiddleware, nestShim } from './nest.ts'

/** Decorators applied by hand, since Node.js strips types and keeps no decorators. */
function controllerOf(routes: readonly ShimRoute[]): new () => object {
  // oxlint-disable-next-line typescript/no-extraneous-class -- Nest's controllers are classes
  class Routes {}
  for (const [place, route] of routes.entries()) {
    const name = `route${place}`
    const handler = async (params: Record<string, string>, req: Request, res: Response): Promise<void> => {
      const answer = await route.handle({
        param: (param) => params[param],
        text: () => text(req),
        hangUp: () => void res.destroy(),
      })
      res.status(answer.status ?? 200).set({ ...answer.headers })
      const readable = readableOf(answer)
      if (readable === undefined) res.send(answer.body)
      else await pipeline(readable, res).catch(() => undefined)
    }
    Object.defineProperty(Routes.prototype, name, { value: handler, writable: true, configurable: true })
    const descriptor = Object.getOwnPropertyDescriptor(Routes.prototype, name) ?? {}
    ;(route.method === 'GET' ? Get : Post)(route.path)(Routes.prototype, name, descriptor)
    Param()(Routes.prototype, name, 0)
    Req()(Routes.prototype, name, 1)
    Res()(Routes.prototype, name, 2)
  }
  Controller()(Routes)
  return Routes
}

describeHttpShim(
  {
    name: 'NestJS on Express',
    hasRoutes: true,
    seesBodies: true,
    async start(setup, routes) {
      // oxlint-disable-next-line typescript/no-extraneous-class -- Nest's modules are classes
      class App {}
      Module({ controllers: [controllerOf(routes)] })(App)
      const app = await NestFactory.create(App, { logger: false, bodyParser: false })
      app.use(nestShim(setup))
      app.useGlobalFilters(nestFilter(new BaseExceptionFilter(app.getHttpAdapter())))
      await app.listen(0, '127.0.0.1')
      const server = app.getHttpServer() as import('node:http').Server
      return {
        port: (server.address() as AddressInfo).port,
        async close() {
          server.closeAllConnections()
          await app.close()
        },
      }
    },
  },
  captureView,
)

describe('the NestJS shim', () => {
  test('guards and filters run in the context, prefixes are part of the route, exceptions are named', async () => {
    const { fasten, rows } = recording()
    const seen: (string | null)[] = []
    class Things {
      find(id: string): string {
        return `${id} ${currentRequestID()}`
      }
      fail(): never {
        throw new ConflictException()
      }
      crash(): never {
        throw new RangeError('crash')
      }
    }
    for (const [name, path] of [
      ['find', ':id'],
      ['fail', ':id/fail'],
      ['crash', ':id/crash'],
    ] as const)
      Get(path)(Things.prototype, name, Object.getOwnPropertyDescriptor(Things.prototype, name) ?? {})
    Param('id')(Things.prototype, 'find', 0)
    Controller('things')(Things)
    class App implements NestModule {
      configure(consumer: MiddlewareConsumer): void {
        consumer.apply(nestMiddleware({ fasten })).forRoutes('{*path}')
      }
    }
    Module({ controllers: [Things] })(App)
    const app = await NestFactory.create(App, { logger: false })
    app.setGlobalPrefix('api')
    app.useGlobalGuards({
      canActivate: ({ getArgs }: ExecutionContext) => (
        seen.push(currentRequestID()),
        typeof getArgs === 'function'
      ),
    })
    app.useGlobalFilters(nestFilter(new BaseExceptionFilter(app.getHttpAdapter())))
    await app.listen(0, '127.0.0.1')
    const { port } = (app.getHttpServer() as import('node:http').Server).address() as AddressInfo
    const found = await ask(port, { path: '/api/things/7', headers: ['x-request-id: nest-1'] })
    const statuses = [
      found,
      await ask(port, { path: '/api/things/7/fail' }),
      await ask(port, { path: '/api/things/7/crash' }),
    ].map(({ status }) => status)
    await untilTrue(() => rows.length === 3)
    await app.close()
    assert.deepEqual([found.body, seen[0], statuses], ['7 nest-1', 'nest-1', [200, 409, 500]])
    assert.deepEqual(
      rows.map(({ route, status, error }) => [route, status, error]),
      [
        ['/api/things/:id', 200, undefined],
        ['/api/things/:id/fail', 409, 'ConflictException'],
        ['/api/things/:id/crash', 500, 'RangeError'],
      ],
    )
  })

  test('a filter that is none is refused', () => {
    assert.throws(() => nestFilter({} as never), { name: 'TypeError', message: /^filter: / })
  })
})
