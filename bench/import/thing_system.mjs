import { defSystem } from "@thi.ng/system";

void defSystem;
