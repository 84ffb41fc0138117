import Systemic from "systemic";

void Systemic;
