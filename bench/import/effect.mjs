import { Effect, Layer, ManagedRuntime } from "effect";

void [Effect, Layer, ManagedRuntime];
