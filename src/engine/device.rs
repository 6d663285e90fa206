//! Which device computes, and why.

use burn::tensor::{Device, DeviceKind as BurnKind};

use super::message::{DeviceChoice, DeviceInfo, DeviceKind};
use crate::error::{Error, Result};

/// The device for `choice`: a real graphics processor where there is one, else the processor.
///
/// # Errors
/// When a GPU is asked for and there is none, not even an emulated one.
pub(super) fn choose(choice: DeviceChoice) -> Result<(Device, DeviceInfo)> {
    if choice == DeviceChoice::Cpu {
        return Ok(cpu("the CPU was asked for"));
    }
    let adapters = adapters();
    // Of each kind burn counts its own adapters, so the first of the best kind is number 0.
    let real = [
        (wgpu::DeviceType::DiscreteGpu, BurnKind::DiscreteGpu(0)),
        (wgpu::DeviceType::IntegratedGpu, BurnKind::IntegratedGpu(0)),
        (wgpu::DeviceType::VirtualGpu, BurnKind::VirtualGpu(0)),
    ];
    for (kind, burn) in real {
        if let Some(adapter) = adapters.iter().find(|a| a.device_type == kind) {
            let reason = match choice {
                DeviceChoice::Gpu => "a GPU was asked for",
                _ => "it is the fastest device found",
            };
            return Ok((
                Device::wgpu(burn),
                DeviceInfo {
                    name: name(adapter),
                    kind: DeviceKind::Gpu,
                    reason: reason.into(),
                },
            ));
        }
    }
    let emulated = adapters
        .iter()
        .find(|a| a.device_type == wgpu::DeviceType::Cpu);
    match (choice, emulated) {
        (DeviceChoice::Gpu, Some(adapter)) => Ok((
            Device::wgpu(BurnKind::Cpu),
            DeviceInfo {
                name: name(adapter),
                kind: DeviceKind::SoftwareGpu,
                reason: "a GPU was asked for and only this software stand-in was found; it is far slower than the CPU".into(),
            },
        )),
        (DeviceChoice::Gpu, None) => {
            Err(Error::device("a GPU was asked for and no graphics driver was found").hint("use --device cpu"))
        }
        (_, Some(adapter)) => Ok(cpu(&format!("no GPU was found, only the software stand-in {}", adapter.name))),
        (_, None) => Ok(cpu("no GPU was found")),
    }
}

/// The processor, and why it was taken.
pub(super) fn cpu(reason: &str) -> (Device, DeviceInfo) {
    let threads = rayon::current_num_threads();
    let info = DeviceInfo {
        name: format!(
            "CPU, {threads} {}",
            if threads == 1 { "thread" } else { "threads" }
        ),
        kind: DeviceKind::Cpu,
        reason: reason.to_owned(),
    };
    (Device::flex(), info)
}

fn name(adapter: &wgpu::AdapterInfo) -> String {
    format!("{} ({})", adapter.name, adapter.backend)
}

fn adapters() -> Vec<wgpu::AdapterInfo> {
    // A broken driver may panic while it is looked at; then there is no GPU for us.
    std::panic::catch_unwind(|| {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        descriptor.backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
        let instance = wgpu::Instance::new(descriptor);
        let found = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()));
        found.iter().map(wgpu::Adapter::get_info).collect()
    })
    .unwrap_or_default()
}
