package metric

import "testing"

func TestIsOriginTag(t *testing.T) {
	for name, want := range map[string]bool{
		"agent_id": true, "container_id": true, "executor_id": true, "framework_id": true, "framework_name": true,
		"application_name": true, "task_id": true, "task_name": true,
		"": false, "agent": false, "name": false, "image": false, "Task_id": false, "task_id ": false,
	} {
		if got := IsOriginTag(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
